import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { toBangerError, type BangerError } from '@banger/contract/error';
import type { StageProgress } from '../../../domain/stage-progress.ts';
import { systemClock, type Clock } from '../../../host/clock.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BlobCache } from './blob-cache.ts';
import { RegistryClient, type RegistryImage } from './client.ts';
import { REGISTRY_LIMITS } from './limits.ts';
import type { Credentials, CredentialSource } from './login.ts';
import { config, digestOf, except, files, good, layer, layerPath, manifest } from './loopback-image.suite.ts';
import {
  startLoopbackServer,
  type LoopbackServer,
  type Respond,
  type SeenRequest,
} from '../../../host/http/loopback-server.suite.ts';
import { readReference } from './reference.ts';
import type { RegistrySettings } from './settings.ts';

const MIB = 1024 ** 2;
const PLAIN: RegistrySettings = { mirrors: [], plainHttp: true, caFile: undefined };
const SECRET = 'hunter2hunter2';

let root: string;
let registry: LoopbackServer;
let other: LoopbackServer;
let client: RegistryClient;
let login: Credentials | undefined;
let waits: number[];
let passed: number;
const credentials: CredentialSource = {
  find: async (host) => ({
    found: host === registry.host ? login : undefined,
    from: login === undefined ? undefined : '/home/me/.docker/config.json',
    looked: ['/home/me/.docker/config.json (not there)'],
  }),
};
/** Waits are over at once. */
const clock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() + passed,
  sleep: async (ms) => {
    waits.push(ms);
    passed += ms;
  },
};

function makeClient(
  settings: Record<string, RegistrySettings>,
  change: Partial<typeof REGISTRY_LIMITS> = {},
): void {
  client = new RegistryClient({
    registries: new Map(Object.entries(settings)),
    credentials,
    cache: new BlobCache(join(root, 'blobs')),
    clock,
    limits: { ...REGISTRY_LIMITS, ...change },
  });
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'banger-registry-'));
  [registry, other] = await Promise.all([startLoopbackServer(), startLoopbackServer()]);
  registry.respond = good;
  [login, waits, passed] = [undefined, [], 0];
  makeClient({ [registry.host]: PLAIN, [other.host]: PLAIN });
});
afterEach(async () => {
  await client.close();
  await Promise.all([registry.close(), other.close()]);
  rmSync(root, { recursive: true });
});

const context = (signal = new AbortController().signal) => ({ signal, onProgress: () => undefined });
const image = (name = 'team/app:1'): Promise<RegistryImage> =>
  client.image(readReference(`${registry.host}/${name}`), context());
const layerOf = async (signal?: AbortSignal, progress: StageProgress[] = []): Promise<Buffer> => {
  const { reference, layers } = await image();
  const told = { ...context(signal), onProgress: (each: StageProgress) => void progress.push(each) };
  return client.withBlobs(reference, layers, told, async ([path = '']) => readFileSync(path));
};
const refusal = async (work: Promise<unknown>): Promise<BangerError> => {
  const error = await work.then(
    () => expect.unreachable('it was accepted'),
    (thrown: unknown) => toBangerError(thrown),
  );
  // Whatever is told of a failure, of its causes too, has no secret.
  for (let each: unknown = error; each instanceof Error; each = each.cause)
    expect(`${each.stack} ${JSON.stringify(each)}`).not.toMatch(
      new RegExp(`${SECRET}|${btoa(`me:${SECRET}`)}`),
    );
  return error;
};
const left = (): string[] => {
  try {
    return readdirSync(join(root, 'blobs'));
  } catch {
    return [];
  }
};

test('an image is fetched by tag and by digest, and its layers once', async () => {
  const found = await image();
  expect(found).toMatchObject({ named: digestOf(manifest), digest: digestOf(manifest) });
  expect(found.config.toString()).toBe(config);
  expect(await image(`team/app@${digestOf(manifest)}`)).toMatchObject({ digest: digestOf(manifest) });
  const progress: StageProgress[] = [];
  expect((await layerOf(undefined, progress)).equals(layer)).toBe(true);
  expect(progress.at(-1)).toMatchObject({ done: layer.length, total: layer.length, unit: 'bytes' });
  expect(progress.map(({ done }) => done)).toEqual(
    progress.map(({ done }) => done).toSorted((a, b) => a! - b!),
  );
  const name = digestOf(layer);
  const amounts = { done: layer.length, total: layer.length };
  expect(progress.at(-1)).toMatchObject({ detail: '1 of 1 are here', part: { name, ...amounts } });
  expect(progress[0]).toMatchObject({ detail: '0 of 1 are here', part: { name, total: layer.length } });

  const again: StageProgress[] = [];
  await layerOf(undefined, again);
  expect(again).toMatchObject([{ detail: '1 of 1 are here', done: 0, total: 0 }]);
  expect(registry.seen.filter(({ url }) => url === layerPath)).toHaveLength(1);
  expect(left()).toEqual([digestOf(layer).replace(':', '-')]);
});

test('what is not there is said so', async () => {
  expect(await refusal(image('team/app:2'))).toMatchObject({ code: 'image_not_found' });
  registry.respond = except(layerPath, (_request, response) => void response.writeHead(404).end());
  expect(await refusal(layerOf())).toMatchObject({ code: 'registry_failed' });
});

describe('a manifest', () => {
  const answer = (body: string | Buffer, headers: Record<string, string> = {}): void => {
    registry.respond = except(
      '/v2/team/app/manifests',
      (_request, response) => void response.writeHead(200, headers).end(body),
    );
  };

  test('of another digest is refused, by tag too', async () => {
    answer(`${manifest} `);
    expect(await refusal(image(`team/app@${digestOf(manifest)}`))).toMatchObject({ code: 'registry_failed' });
    answer(`${manifest} `, { 'docker-content-digest': digestOf(manifest) });
    expect(await refusal(image())).toMatchObject({ code: 'registry_failed' });
  });

  test('without an end is not read to it', async () => {
    registry.respond = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, ' ')));
      };
      response.on('drain', more);
      more();
    };
    expect((await refusal(image())).message).toContain('more than 4 MiB');
  });

  test('that is packed is not unpacked', async () => {
    answer(gzipSync(Buffer.alloc(64 * MIB, ' ')), { 'content-encoding': 'gzip' });
    expect((await refusal(image())).message).toContain('compressed');
  });

  test('with huge headers is refused', async () => {
    answer(manifest, { 'x-huge': 'a'.repeat(64 * 1024) });
    expect((await refusal(image())).message).toContain('longer headers');
  });

  test('of schema 1 is refused', async () => {
    answer(JSON.stringify({ schemaVersion: 1, fsLayers: [] }));
    expect(await refusal(image())).toMatchObject({ code: 'image_unsupported' });
  });

  test('of another platform is refused, with an index and without', async () => {
    const of = (architecture: string, document: string) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: digestOf(document),
      size: document.length,
      platform: { os: 'linux', architecture },
    });
    answer(JSON.stringify({ manifests: [of('arm64', manifest), of('s390x', manifest)] }));
    expect((await refusal(image())).message).toContain('linux/arm64, linux/s390x');
    const arm = config.replace('amd64', 'arm64');
    const armManifest = manifest.replace(digestOf(config), digestOf(arm));
    files.set(`/v2/team/app/blobs/${digestOf(arm)}`, arm);
    answer(armManifest);
    expect((await refusal(image())).message).toContain('for linux/arm64');
  });

  test('that is an index leads to ours, and no deeper than anybody nests them', async () => {
    const entry = (document: string) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: digestOf(document),
      size: document.length,
      platform: { os: 'linux', architecture: 'amd64' },
    });
    let document = JSON.stringify({ manifests: [entry(manifest)] });
    registry.respond = except(
      '/v2/team/app/manifests/1',
      (_request, response) => void response.end(document),
    );
    expect(await image()).toMatchObject({ named: digestOf(document), digest: digestOf(manifest) });
    for (let depth = 0; depth < 4; depth++) {
      files.set(`/v2/team/app/manifests/${digestOf(document)}`, document);
      document = JSON.stringify({ manifests: [entry(document)] });
    }
    expect((await refusal(image())).message).toContain('nested');
  });
});

describe('a blob', () => {
  const answer = (respond: Respond): void => {
    registry.respond = except(layerPath, respond);
  };
  afterEach(() => {
    expect(left().filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('with other content is refused, and nothing of it stays', async () => {
    answer((_request, response) => void response.end(Buffer.alloc(layer.length, 'x')));
    expect((await refusal(layerOf())).message).toContain('something else');
    expect(left()).toEqual([]);
  });

  test('of another length is refused before it has come, told or not', async () => {
    answer((_request, response) => void response.writeHead(200, { 'content-length': 2 ** 50 }).write('x'));
    expect((await refusal(layerOf())).message).toContain('another length');
    answer((_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(MIB, 'layer')));
      };
      response.on('drain', more);
      more();
    });
    expect((await refusal(layerOf())).message).toContain('another length');
  });

  test('whose connection breaks is taken up where it broke', async () => {
    const broken: number[] = [1.5 * MIB, MIB];
    answer((request, response) => {
      const bytes = broken.shift();
      if (bytes === undefined) return good(request, response);
      const from = Number(/\d+/.exec(request.range ?? '0'));
      if (from > 0)
        response.writeHead(206, { 'content-range': `bytes ${from}-${layer.length - 1}/${layer.length}` });
      response.write(layer.subarray(from, from + bytes), () => setTimeout(() => response.destroy(), 50));
    });
    expect((await layerOf()).equals(layer)).toBe(true);
    const [first, ...more] = registry.seen.filter(({ url }) => url === layerPath).map(({ range }) => range);
    expect([first, more.length]).toEqual([undefined, 2]);
    // What was on the way when the connection broke has come, or it has not.
    const taken = Number(/^bytes=(\d+)-$/.exec(more[1] ?? '')?.[1]);
    expect(taken).toBeGreaterThan(1.5 * MIB);
    expect(taken).toBeLessThanOrEqual(2.5 * MIB);
  });

  test('is taken up also where the server knows no ranges', async () => {
    let broken = false;
    answer((_request, response) => {
      if (broken) return void response.writeHead(200).end(layer);
      broken = true;
      response.write(layer.subarray(0, MIB), () => setTimeout(() => response.destroy(), 50));
    });
    expect((await layerOf()).equals(layer)).toBe(true);
  });

  test('that goes on at another place than was asked is refused', async () => {
    let broken = false;
    answer((_request, response) => {
      if (broken)
        return void response
          .writeHead(206, { 'content-range': `bytes 0-${layer.length - 1}/${layer.length}` })
          .end(layer);
      broken = true;
      response.write(layer.subarray(0, MIB), () => setTimeout(() => response.destroy(), 50));
    });
    expect((await refusal(layerOf())).message).toContain('another part');
  });

  test('that always ends too early is given up', async () => {
    answer((_request, response) => void response.write(layer.subarray(0, 10), () => response.destroy()));
    expect(await refusal(layerOf())).toMatchObject({ code: 'registry_failed' });
    expect(registry.seen.filter(({ url }) => url === layerPath)).toHaveLength(1 + REGISTRY_LIMITS.retries);
    expect(waits.every((ms, index) => ms <= 500 * 2 ** index && ms >= 250 * 2 ** index)).toBe(true);
  });

  test('that stops coming, or trickles, ends', async () => {
    makeClient({ [registry.host]: PLAIN }, { readMs: 300, retries: 0 });
    answer((_request, response) => void response.write('x'));
    expect((await refusal(layerOf())).message).toContain('stopped sending');
    makeClient({ [registry.host]: PLAIN }, { fileMs: 400, leastBytesPerSecond: 1024 ** 3 });
    answer((_request, response) => {
      const drip = setInterval(() => (response.destroyed ? clearInterval(drip) : response.write('x')), 20);
    });
    expect((await refusal(layerOf())).message).toContain('took longer than');
  });

  test('is given up when the caller is gone', async () => {
    const stop = new AbortController();
    answer((_request, response) => void response.write('x', () => stop.abort()));
    expect(await refusal(layerOf(stop.signal))).toMatchObject({ code: 'cancelled' });
  });

  test('that says to be packed is taken as it comes', async () => {
    answer((_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(layer));
    expect((await layerOf()).equals(layer)).toBe(true);
  });
});

describe('a registry that is busy', () => {
  test('is asked again when it says', async () => {
    let times = 0;
    registry.respond = (request, response) =>
      ++times <= 2
        ? void response.writeHead(times === 1 ? 429 : 503, { 'retry-after': '7' }).end()
        : good(request, response);
    await image();
    expect(waits).toEqual([7_000, 7_000]);
  });

  test('and asks for more patience than we have fails at once, and tells', async () => {
    registry.respond = (_request, response) =>
      void response.writeHead(429, { 'retry-after': '21600' }).end('{"errors":[{"code":"TOOMANYREQUESTS"}]}');
    const error = await refusal(image());
    expect(error.message).toContain('status 429 (TOOMANYREQUESTS)');
    expect(error.hint).toContain('21600 s');
    expect(waits).toEqual([]);
  });
});

describe('a redirect', () => {
  const bearer = (respond: Respond): Respond => {
    return (request, response) => {
      if (request.url.startsWith('/token')) return void response.end(JSON.stringify({ token: SECRET }));
      if (request.authorization !== `Bearer ${SECRET}`)
        return void response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${registry.host}/token"` })
          .end();
      respond(request, response);
    };
  };

  test('takes no token to another host, nor back from there', async () => {
    registry.respond = bearer(
      except(layerPath, (_request, response) => {
        response.writeHead(307, { location: `http://${other.host}/storage?signature=${SECRET}` }).end();
      }),
    );
    other.respond = (_request, response) => void response.end(layer);
    expect((await layerOf()).equals(layer)).toBe(true);
    expect(other.seen).toMatchObject([{ authorization: undefined }]);

    rmSync(join(root, 'blobs'), { recursive: true });
    other.respond = (_request, response) =>
      void response.writeHead(302, { location: `http://${registry.host}/back` }).end();
    await refusal(layerOf());
    expect(registry.seen.filter(({ url }) => url === '/back')).toMatchObject([{ authorization: undefined }]);
  });

  test.each<[string, () => string]>([
    ['to a host that is to be asked over TLS', () => 'http://127.0.0.2:9/storage'],
    ['with a login in it', () => `http://me:pw@${other.host}/`],
    ['to a file', () => 'file:///etc/passwd'],
    ['to nowhere', () => 'http://['],
    ['round in circles', () => layerPath],
  ])('%s is refused', async (_what, location) => {
    registry.respond = except(
      layerPath,
      (_request, response) => void response.writeHead(307, { location: location() }).end(),
    );
    expect(await refusal(layerOf())).toMatchObject({ code: 'registry_failed' });
    expect(registry.seen.length).toBeLessThan(10);
  });

  test('to a storage that wants a login is not answered with ours', async () => {
    login = { kind: 'password', username: 'me', password: SECRET };
    registry.respond = except(
      layerPath,
      (_request, response) => void response.writeHead(307, { location: `http://${other.host}/` }).end(),
    );
    other.respond = (_request, response) =>
      void response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    expect((await refusal(layerOf())).message).toContain(`sent to ${other.host}`);
    expect(other.seen).toMatchObject([{ authorization: undefined }]);
  });
});

describe('a login', () => {
  const basic = `Basic ${btoa(`me:${SECRET}`)}`;
  const challenged =
    (challenge: () => string, accepted: (authorization: string | undefined) => boolean): Respond =>
    (request, response) =>
      accepted(request.authorization)
        ? good(request, response)
        : void response.writeHead(401, { 'www-authenticate': challenge() }).end();
  const tokens =
    (next: () => string, denied = false): Respond =>
    (_request: SeenRequest, response: ServerResponse) =>
      denied
        ? void response.writeHead(401).end()
        : void response.end(JSON.stringify({ access_token: next(), expires_in: 300 }));

  test('by Basic is sent when it is asked for, and then before', async () => {
    login = { kind: 'password', username: 'me', password: SECRET };
    registry.respond = challenged(
      () => 'Basic realm="here"',
      (sent) => sent === basic,
    );
    await layerOf();
    expect(registry.seen.map(({ authorization }) => authorization)).toEqual([undefined, basic, basic, basic]);
  });

  test('by Bearer is anonymous without credentials; the token is kept until it expires', async () => {
    let count = 0;
    other.respond = tokens(() => `token-${++count}`);
    const challenge = (): string =>
      `Bearer realm="http://${other.host}/token",service="reg",scope="repository:team/app:pull"`;
    registry.respond = challenged(challenge, (sent) => sent === `Bearer token-${count}`);
    await image();
    await image();
    expect(other.seen).toMatchObject([
      { url: '/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull', authorization: undefined },
    ]);
    passed += 291_000;
    await image();
    expect(other.seen).toHaveLength(2);
    // One that the registry refuses before its time is asked for anew.
    registry.respond = challenged(challenge, (sent) => sent === 'Bearer token-3');
    await image();
    expect(other.seen).toHaveLength(3);
  });

  test('by Bearer sends the credentials to the realm, and asks for no more than reading', async () => {
    login = { kind: 'password', username: 'me', password: SECRET };
    other.respond = tokens(() => 'token');
    registry.respond = challenged(
      () => `Bearer realm="http://${other.host}/token",scope="repository:team/app:pull,push,delete"`,
      (sent) => sent === 'Bearer token',
    );
    await image();
    expect(other.seen).toMatchObject([
      { url: '/token?scope=repository%3Ateam%2Fapp%3Apull', authorization: basic },
    ]);
  });

  test('by identity token is an exchange that goes nowhere else', async () => {
    login = { kind: 'identity', token: SECRET };
    other.respond = tokens(() => 'token');
    registry.respond = challenged(
      () => `Bearer realm="http://${other.host}/token",service="reg"`,
      (sent) => sent === 'Bearer token',
    );
    await image();
    const [{ method, body }] = other.seen as [SeenRequest];
    expect([method, new URLSearchParams(body).get('refresh_token')]).toEqual(['POST', SECRET]);
    await client.close();
    makeClient({ [registry.host]: PLAIN, [other.host]: PLAIN });
    other.respond = (_request, response) =>
      void response.writeHead(307, { location: `http://${registry.host}/steal` }).end();
    await refusal(image());
    expect(registry.seen.some(({ url }) => url === '/steal')).toBe(false);
  });

  test('for a realm without TLS is not sent, unless its host is to be without', async () => {
    login = { kind: 'password', username: 'me', password: SECRET };
    makeClient({ [registry.host]: PLAIN });
    registry.respond = challenged(
      () => `Bearer realm="http://${other.host}/token"`,
      () => false,
    );
    expect((await refusal(image())).message).toContain('to which no login may be sent');
    expect(other.seen).toEqual([]);
  });

  test('of one registry is not for another that names the same realm', async () => {
    login = { kind: 'password', username: 'me', password: SECRET };
    const third = await startLoopbackServer();
    makeClient({ [registry.host]: PLAIN, [other.host]: PLAIN, [third.host]: PLAIN });
    let count = 0;
    third.respond = ({ authorization }, response) =>
      tokens(() => `${authorization === undefined ? 'anonymous' : 'mine'}-${++count}`)(
        {} as SeenRequest,
        response,
      );
    const challenge = (): string =>
      `Bearer realm="http://${third.host}/token",service="s",scope="repository:team/app:pull"`;
    registry.respond = challenged(challenge, (sent) => sent === 'Bearer mine-1');
    other.respond = challenged(challenge, (sent) => sent !== undefined);
    await image();
    await client.image(readReference(`${other.host}/team/app:1`), context());
    expect(other.seen.map(({ authorization }) => authorization)).toEqual([
      undefined,
      'Bearer anonymous-2',
      'Bearer anonymous-2',
    ]);
    await third.close();
  });

  test('that we lack is told with the places that were looked at', async () => {
    registry.respond = challenged(
      () => 'Basic realm="here"',
      () => false,
    );
    const error = await refusal(image());
    expect(error).toMatchObject({ code: 'registry_auth' });
    expect(error.message).toContain('Looked in: /home/me/.docker/config.json (not there)');
    other.respond = tokens(() => '', true);
    registry.respond = challenged(
      () => `Bearer realm="http://${other.host}/token"`,
      () => false,
    );
    expect(await refusal(image())).toMatchObject({ code: 'registry_auth' });
  });

  test('that is refused is told with its place, and sent no second time', async () => {
    login = { kind: 'password', username: 'me', password: SECRET };
    registry.respond = challenged(
      () => 'Basic realm="here"',
      () => false,
    );
    const error = await refusal(image());
    expect(error).toMatchObject({ code: 'registry_auth' });
    expect(error.message).toContain('refused the login from /home/me/.docker/config.json');
    expect(registry.seen).toHaveLength(2);
    registry.respond = (_request, response) => void response.writeHead(403).end();
    expect(await refusal(image())).toMatchObject({ code: 'registry_auth' });
  });

  test('of a kind that nobody knows is refused', async () => {
    for (const challenge of ['Negotiate', 'Bearer', 'Bearer realm="no address"', '"', '']) {
      registry.respond = challenged(
        () => challenge,
        () => false,
      );
      expect(await refusal(image())).toMatchObject({ code: 'registry_failed' });
    }
  });

  test.each(['', '{}', '[', '{"token":"a\\r\\nX-Evil: 1"}', `{"token":"${'a'.repeat(100_000)}"}`])(
    'by a token that is none is refused, case %#',
    async (body) => {
      other.respond = (_request, response) => void response.end(body);
      registry.respond = challenged(
        () => `Bearer realm="http://${other.host}/token"`,
        () => false,
      );
      expect(await refusal(image())).toMatchObject({ code: 'registry_failed' });
    },
  );
});

describe('mirrors', () => {
  beforeEach(() =>
    makeClient({
      [registry.host]: { ...PLAIN, mirrors: [{ host: other.host, prefix: 'hub' }] },
      [other.host]: PLAIN,
    }),
  );

  test('are asked first, below their prefix', async () => {
    other.respond = (request, response) =>
      good({ ...request, url: request.url.replace('/v2/hub/', '/v2/') }, response);
    expect((await layerOf()).equals(layer)).toBe(true);
    expect(registry.seen).toEqual([]);
  });

  test('that lie, fail or have nothing are passed over, and that is told', async () => {
    login = { kind: 'password', username: 'me', password: SECRET };
    const progress: StageProgress[] = [];
    other.respond = (request, response) =>
      request.url.includes('/blobs/')
        ? void response.end(Buffer.alloc(layer.length, 'x'))
        : void response.writeHead(401, { 'www-authenticate': 'Basic realm="mine"' }).end();
    expect((await layerOf(undefined, progress)).equals(layer)).toBe(true);
    expect(progress.filter(({ level }) => level === 'warning')).toHaveLength(1);
    // The login is the registry's, not the mirror's.
    expect(other.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
  });
});

test('without configuration a registry is asked over TLS alone', async () => {
  makeClient({});
  const error = await refusal(image());
  expect(error).toMatchObject({ code: 'registry_failed' });
  expect(error.hint).toContain('plain_http');
  expect(registry.seen).toEqual([]);
});

test('one that is not there is told at once', async () => {
  await other.close();
  const error = await refusal(client.image(readReference(`${other.host}/team/app`), context()));
  expect(error.message).toContain('accepts no connection');
  expect(waits).toEqual([]);
  other = await startLoopbackServer();
});
