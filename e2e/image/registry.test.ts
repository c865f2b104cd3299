import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { BangerError } from '@banger/contract/error';
import { skopeo } from '@banger/daemon/drivers/image/oci/tools.suite';
import { BlobCache } from '@banger/daemon/drivers/image/registry/blob-cache';
import { RegistryClient, type RegistryImage } from '@banger/daemon/drivers/image/registry/client';
import { ConfiguredCredentials } from '@banger/daemon/drivers/image/registry/credentials';
import { readReference } from '@banger/daemon/drivers/image/registry/reference';
import type { RegistrySettings } from '@banger/daemon/drivers/image/registry/settings';
import { systemClock } from '@banger/daemon/host/clock';
import { createRunner } from '@banger/daemon/host/execa-runner';
import { DebianRegistry, PASSWORD, USER } from './debian-registry.ts';
import { makeLayout } from './oci-layout.ts';

/** Larger than what lies in the buffers of a connection, so that a registry can be killed in the middle. */
const LAYER_BYTES = 16 * 1024 ** 2;
const LOGIN = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');

let home: string;
let plain: DebianRegistry;
let closed: DebianRegistry;
let secure: DebianRegistry;
let certificate: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'registry-'));
  certificate = join(home, 'certificate.pem');
  const key = join(home, 'key.pem');
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const files = ['-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', ...curve, ...files, '-subj', '/CN=test', '-addext', names], {
    stdio: 'ignore',
  });
  [plain, closed, secure] = await Promise.all([
    DebianRegistry.start({ directory: home }),
    DebianRegistry.start({ directory: home, login: true }),
    DebianRegistry.start({ directory: home, login: true, tls: { certificate, key } }),
  ]);
  const layout = makeLayout(home, LAYER_BYTES);
  talk(['copy', '--all', layout, `docker://${plain.host}/team/app:index`]);
  const linux = ['--override-os', 'linux', '--override-arch', 'amd64'];
  talk([...linux, 'copy', layout, `docker://${plain.host}/team/app:oci`]);
  talk([...linux, 'copy', '--format', 'v2s2', layout, `docker://${plain.host}/team/app:docker`]);
  talk([...linux, 'copy', '--dest-compress-format', 'zstd', '--dest-compress', layout, `dir:${home}/zstd`]);
  talk([...linux, 'copy', `dir:${home}/zstd`, `docker://${plain.host}/team/app:zstd`]);
  talk(['--override-arch', 'arm64', 'copy', layout, `docker://${plain.host}/team/app:arm`]);
});
afterAll(async () => {
  await Promise.all([plain, closed, secure].map((registry) => registry.end()));
  rmSync(home, { recursive: true });
});

/** Runs skopeo against a registry without TLS. */
function talk(argv: readonly string[]): string {
  const [insecure] = argv.includes('copy') ? ['--dest-tls-verify=false'] : ['--tls-verify=false'];
  const verb = argv.findIndex((each) => each === 'copy' || each === 'inspect');
  return skopeo(home, [...argv.slice(0, verb + 1), insecure ?? '', ...argv.slice(verb + 1)]);
}

let user: string;
let client: RegistryClient | undefined;
beforeEach(() => {
  user = mkdtempSync(join(home, 'user-'));
});
afterEach(async () => {
  await client?.close();
});

/** A client of a user whose home is `user`, and who has said this of registries. */
function clientOf(
  said: Record<string, Partial<RegistrySettings>>,
  path = process.env['PATH'],
): RegistryClient {
  const registries = new Map(
    Object.entries(said).map(([host, each]) => [
      host,
      { mirrors: [], plainHttp: false, caFile: undefined, ...each },
    ]),
  );
  const credentials = new ConfiguredCredentials({
    runner: createRunner({ environment: { PATH: path } }),
    environment: {},
    home: user,
  });
  client = new RegistryClient({
    registries,
    credentials,
    cache: new BlobCache(join(user, 'blobs')),
    clock: systemClock,
  });
  return client;
}

const context = { signal: new AbortController().signal, onProgress: () => undefined };
const pull = (from: RegistryClient, name: string): Promise<RegistryImage> =>
  from.image(readReference(name), context);
const refusal = async (work: Promise<unknown>): Promise<BangerError> => {
  const error = await work.then(
    () => expect.unreachable('it was accepted'),
    (thrown: unknown) => thrown as BangerError,
  );
  for (let each: unknown = error; each instanceof Error; each = each.cause)
    expect(`${each.stack} ${JSON.stringify(each)}`).not.toMatch(new RegExp(`${PASSWORD}|${LOGIN}`));
  return error;
};

/** What skopeo says of an image: its raw manifest. */
const rawManifest = (tag: string): string =>
  talk(['inspect', '--raw', `docker://${plain.host}/team/app:${tag}`]);

test.each([
  ['oci', 'application/vnd.oci.image.layer.v1.tar+gzip'],
  ['docker', 'application/vnd.docker.image.rootfs.diff.tar.gzip'],
  ['zstd', 'application/vnd.oci.image.layer.v1.tar+zstd'],
])('an image pushed by skopeo is pulled as it was: %s', async (tag, type) => {
  const from = clientOf({ [plain.host]: { plainHttp: true } });
  const image = await pull(from, `${plain.host}/team/app:${tag}`);
  const raw = rawManifest(tag);
  expect(image.digest).toBe(`sha256:${createHash('sha256').update(raw).digest('hex')}`);
  const { layers } = JSON.parse(raw) as { layers: { digest: string }[] };
  expect(image.layers.map(({ digest, mediaType }) => [digest, mediaType])).toEqual(
    layers.map(({ digest }) => [digest, type]),
  );
  expect(JSON.parse(image.config.toString())).toMatchObject({ architecture: 'amd64' });
  await from.withBlobs(image.reference, image.layers, context, async (paths) => {
    const digests = paths.map(
      (path) => `sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`,
    );
    expect(digests).toEqual(layers.map(({ digest }) => digest));
  });
});

test('of an index our platform is taken, and another alone is refused', async () => {
  const from = clientOf({ [plain.host]: { plainHttp: true } });
  const image = await pull(from, `${plain.host}/team/app:index`);
  expect(JSON.parse(image.config.toString())).toMatchObject({ architecture: 'amd64' });
  expect(image.named).not.toBe(image.digest);
  expect(await pull(from, `${plain.host}/team/app@${image.named}`)).toMatchObject({ digest: image.digest });
  expect(await refusal(pull(from, `${plain.host}/team/app:arm`))).toMatchObject({
    code: 'image_unsupported',
  });
  expect(await refusal(pull(from, `${plain.host}/team/app:gone`))).toMatchObject({ code: 'image_not_found' });
});

test('a registry that is killed in the middle and started anew is taken up where it broke', async () => {
  const from = clientOf({ [plain.host]: { plainHttp: true } });
  const { reference, layers } = await pull(from, `${plain.host}/team/app:oci`);
  let killed = false;
  const onProgress = ({ done = 0 }: { readonly done?: number }): void => {
    if (killed || done < LAYER_BYTES / 8) return;
    killed = true;
    void plain.end().then(() => plain.begin());
  };
  const sizes = await from.withBlobs(reference, layers, { ...context, onProgress }, async (paths) =>
    paths.map((path) => readFileSync(path).length),
  );
  expect([killed, sizes]).toEqual([true, layers.map(({ bytes }) => bytes)]);
});

test('a registry that wants a login gets that of the Docker configuration', async () => {
  const name = `${closed.host}/team/app:oci`;
  const from = clientOf({ [closed.host]: { plainHttp: true } });
  const lacking = await refusal(pull(from, name));
  expect(lacking).toMatchObject({ code: 'registry_auth' });
  expect(lacking.message).toContain(`${user}/.docker/config.json (not there)`);

  const logIn = (auth: string): void => {
    mkdirSync(join(user, '.docker'), { recursive: true });
    writeFileSync(join(user, '.docker/config.json'), JSON.stringify({ auths: { [closed.host]: { auth } } }));
  };
  logIn(Buffer.from(`${USER}:wrong-${PASSWORD}`).toString('base64'));
  expect((await refusal(pull(from, name))).message).toContain('refused the login from');
  logIn(LOGIN);
  expect((await pull(from, name)).layers).toHaveLength(2);
});

test('a registry that wants a login gets that of a credential helper', async () => {
  const programs = join(user, 'bin');
  mkdirSync(programs);
  mkdirSync(join(user, '.config/containers'), { recursive: true });
  const answer = JSON.stringify({ ServerURL: closed.host, Username: USER, Secret: PASSWORD });
  const script = `#!/bin/sh\nread -r host\n[ "$host" = '${closed.host}' ] && echo '${answer}'\n`;
  writeFileSync(join(programs, 'docker-credential-test'), script, { mode: 0o755 });
  writeFileSync(
    join(user, '.config/containers/auth.json'),
    JSON.stringify({ credHelpers: { [closed.host]: 'test' } }),
  );
  const from = clientOf({ [closed.host]: { plainHttp: true } }, `${programs}:${process.env['PATH']}`);
  expect((await pull(from, `${closed.host}/team/app:oci`)).layers).toHaveLength(2);
});

test('over TLS a registry is trusted by the authority that is configured, and by no other', async () => {
  mkdirSync(join(user, '.docker'));
  writeFileSync(
    join(user, '.docker/config.json'),
    JSON.stringify({ auths: { [secure.host]: { auth: LOGIN } } }),
  );
  const name = `${secure.host}/team/app:oci`;
  const distrusted = await refusal(pull(clientOf({}), name));
  expect(distrusted.message).toContain('has a certificate that is not trusted');
  await client?.close();
  expect((await pull(clientOf({ [secure.host]: { caFile: certificate } }), name)).layers).toHaveLength(2);
});

test('a registry without TLS is asked without it only when the configuration says so', async () => {
  const error = await refusal(pull(clientOf({}), `${plain.host}/team/app:oci`));
  expect(error.message).toContain('does not speak TLS');
  expect(error.hint).toContain('plain_http = true');
});

test('a mirror is asked first, and the registry itself for what it does not have', async () => {
  const warnings: string[] = [];
  const from = clientOf({
    'registry.invalid': {
      mirrors: [
        { host: closed.host, prefix: '' },
        { host: plain.host, prefix: '' },
      ],
    },
    [plain.host]: { plainHttp: true },
    [closed.host]: { plainHttp: true },
  });
  const image = await from.image(readReference('registry.invalid/team/app:oci'), {
    ...context,
    onProgress: ({ level, stage }) => void (level === 'warning' && warnings.push(stage)),
  });
  expect(image.layers).toHaveLength(2);
  expect(warnings).toEqual([expect.stringContaining(`Asking ${plain.host}.`)]);
});
