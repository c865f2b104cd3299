import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../host/clock.ts';
import { startLoopbackServer, type LoopbackServer } from '../../../host/http/loopback-server.suite.ts';
import { BlobCache } from './blob-cache.ts';
import { RegistryClient } from './client.ts';
import { REGISTRY_LIMITS } from './limits.ts';
import { digestOf, OCI } from './loopback-image.suite.ts';
import { readReference } from './reference.ts';

let root: string;
let registry: LoopbackServer;
let client: RegistryClient;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'banger-registry-'));
  registry = await startLoopbackServer();
  client = new RegistryClient({
    registries: new Map([[registry.host, { mirrors: [], plainHttp: true, caFile: undefined }]]),
    credentials: { find: async () => ({ found: undefined, from: undefined, looked: [] }) },
    cache: new BlobCache(join(root, 'blobs')),
    clock: systemClock,
    limits: REGISTRY_LIMITS,
  });
});
afterEach(async () => {
  await client.close();
  await registry.close();
  rmSync(root, { recursive: true });
});

test('layers come three at a time, and the first ones first', async () => {
  const layers = Array.from({ length: 6 }, (_, at) => Buffer.alloc(1000, `layer ${at}`));
  const blobs = layers.map((bytes) => ({
    ...{ digest: digestOf(bytes), bytes: bytes.length },
    mediaType: `${OCI}.layer.v1.tar`,
  }));
  const waiting: (() => void)[] = [];
  const asked: string[] = [];
  let most = 0;
  registry.respond = ({ url }, response) => {
    asked.push(url);
    waiting.push(() => response.end(layers.find((bytes) => url.endsWith(digestOf(bytes)))));
    most = Math.max(most, waiting.length);
    // The first three are let go when all are there.
    if (asked.length >= 3) waiting.splice(0).forEach((answer) => answer());
  };
  const context = { signal: new AbortController().signal, onProgress: () => undefined };
  const reference = readReference(`${registry.host}/team/app:1`);
  const come = await client.withBlobs(reference, blobs, context, async (paths) =>
    paths.map((path) => readFileSync(path)),
  );
  expect(come).toEqual(layers);
  expect(most).toBe(3);
  expect(asked.slice(0, 3).toSorted()).toEqual(
    blobs
      .slice(0, 3)
      .map(({ digest }) => `/v2/team/app/blobs/${digest}`)
      .toSorted(),
  );
});
