import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, startBanger } from '../harness/banger.ts';
import { sharedHome } from '../harness/shared-home.ts';

const MIB = 1024 * 1024;
const TOTAL_MIB = 200;
const home = sharedHome();
const name = 'bytes';

/** Random bytes, a MiB at a time, and the hash of all of them. */
function randomStream(): { readonly bytes: Readable; readonly hash: () => string } {
  const hash = createHash('sha256');
  function* chunks(): Generator<Buffer> {
    for (let i = 0; i < TOTAL_MIB; i += 1) {
      const chunk = randomBytes(MIB);
      hash.update(chunk);
      yield chunk;
    }
  }
  return { bytes: Readable.from(chunks(), { objectMode: false }), hash: () => hash.digest('hex') };
}

describe(`${TOTAL_MIB} MB of random bytes through exec`, () => {
  beforeAll(async () => {
    expect(await banger(['vm', 'create', '--name', name], { home })).toMatchObject({ status: 0 });
  });
  afterAll(() => banger(['vm', 'delete', name], { home }));

  test('into the guest come out with the same hash', async () => {
    const child = startBanger(['vm', 'exec', name, '--', 'sha256sum'], { home });
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error('no pipes');
    const said: Buffer[] = [];
    stdout.on('data', (chunk: Buffer) => said.push(chunk));
    const { bytes, hash } = randomStream();
    const ended = once(child, 'close');
    await pipeline(bytes, stdin);
    expect(await ended).toEqual([0, null]);
    expect(Buffer.concat(said).toString()).toBe(`${hash()}  -\n`);
  });

  test('out of the guest come out with the same hash', async () => {
    // The same bytes to stdout, and to a sum on stderr.
    const script = `head -c ${TOTAL_MIB}M /dev/urandom | { tee /dev/fd/3 | sha256sum >&2; } 3>&1`;
    const child = startBanger(['vm', 'exec', name, '--', 'sh', '-c', script], { home });
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error('no pipes');
    const said: Buffer[] = [];
    stderr.on('data', (chunk: Buffer) => said.push(chunk));
    const hash = createHash('sha256');
    const ended = once(child, 'close');
    let length = 0;
    for await (const chunk of stdout as AsyncIterable<Buffer>) {
      hash.update(chunk);
      length += chunk.length;
    }
    expect(await ended).toEqual([0, null]);
    expect(length).toBe(TOTAL_MIB * MIB);
    expect(Buffer.concat(said).toString()).toContain(hash.digest('hex'));
  });
});
