import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import type { KernelView } from '@banger/contract/kernel';
import type { KernelManifest } from '@banger/daemon/drivers/kernel/manifest';
import { catalogText, urlPlace } from '@banger/daemon/drivers/kernel/kernel-archive.suite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HOLDER_FILE } from '../../packages/daemon/src/store/holder.ts';
import { expectFault } from '../faults/expect-fault.ts';
import { FaultHome } from '../faults/fault-home.ts';
import { onceSaid } from '../faults/once-said.ts';
import { until } from '../harness/until.ts';

const MIB = 1024 ** 2;
const pull = ['kernel', 'pull', 'team'];

let home: FaultHome;
let server: Server;
let file: Buffer;
beforeAll(async () => {
  home = FaultHome.stocked();
  packKernel(home.at('state/kernels/debian-cloud'), home.at('kernel.tar'));
  file = readFileSync(home.at('kernel.tar'));
  server = createServer((_request, response) => void response.writeHead(200).end(file));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const catalog = home.at('catalog.json');
  const sources = [urlPlace(`http://${host}/kernel.tar`, file)];
  writeFileSync(catalog, catalogText([{ name: 'team', sources }]));
  mkdirSync(home.at('config'), { mode: 0o700 });
  const config = `kernel_catalogs = ["${catalog}"]\n[registries."${host}"]\nplain_http = true\n`;
  writeFileSync(home.at('config/config.toml'), config, { mode: 0o600 });
});
afterAll(async () => {
  await home.remove();
  await new Promise((resolve) => server.close(resolve));
});

/** A kernel of a store as an archive, of its modules only those that a guest needs to boot: the others take most of the time of each pull. */
function packKernel(kernel: string, archive: string): void {
  const manifest = JSON.parse(readFileSync(join(kernel, 'manifest.json'), 'utf8')) as KernelManifest;
  const modules = readdirSync(join(kernel, 'modules'), { recursive: true, encoding: 'utf8' });
  const packed = modules.filter((path) => !path.endsWith('.ko') || manifest.modules.includes(basename(path)));
  execFileSync('tar', [
    ...['--directory', kernel, '--create', '--file', archive, '--no-recursion'],
    ...['vmlinux', ...packed.map((path) => join('modules', path))],
  ]);
}

const catalog = (): Promise<KernelView[]> => home.json<KernelView[]>(['kernel', 'list', '--available']);

async function exec(...argv: readonly string[]): Promise<string> {
  const { stdout } = await home.run(['vm', 'exec', 'box', '--', ...argv]);
  return stdout.trim();
}

test('a kernel of a catalog of the configuration is listed, pulled with its bytes told, and boots', async () => {
  expect((await catalog()).map(({ name, present }) => [name, present])).toEqual([
    ['debian-cloud', true],
    ['team', false],
  ]);
  const { status, stderr } = await home.run([...pull, '--json']);
  expect(status).toBe(0);
  expect(stderr).toMatch(
    new RegExp(`"stage":"Fetching kernel team","done":${file.length},"total":${file.length}`),
  );
  const [debian, team] = await catalog();
  expect(team).toMatchObject({ name: 'team', present: true, sha256: debian?.sha256, usedBy: [] });
  expect(
    await home.run(['vm', 'create', '--name', 'box', '--kernel', 'team', '--memory', '256']),
  ).toMatchObject({
    status: 0,
  });
  expect(await exec('uname', '-r')).toBe(team?.release);
});

test('it is replaced while a VM runs, which boots the old one once more when its guest reboots', async () => {
  expectFault(await home.run(pull), { code: 'kernel_exists', status: 1, says: /--force/ });
  const bootId = (await home.show('box')).runtime?.bootId;
  expect(await home.run([...pull, '--force'])).toMatchObject({ status: 0 });
  await home.run(['vm', 'exec', 'box', '--', 'reboot']);
  const runtime = await until('the VM to have rebooted', async () => {
    const { runtime } = await home.show('box');
    return runtime?.agent === 'ready' && runtime.bootId !== bootId ? runtime : undefined;
  });
  expect(await exec('cat', '/proc/sys/kernel/random/boot_id')).toBe(runtime.bootId);
});

test('it is not deleted while a VM or an image has it', async () => {
  const refused = { code: 'kernel_in_use', status: 1 } as const;
  expectFault(await home.run(['kernel', 'delete', 'team']), { ...refused, says: /the VM box/ });
  expectFault(await home.run(['kernel', 'delete', 'debian-cloud']), {
    ...refused,
    says: /the image debian-bookworm/,
  });
  expect(await home.run(['vm', 'delete', 'box'])).toMatchObject({ status: 0 });
});

test('a daemon that is killed in a pull leaves the old kernel, and nothing else', async () => {
  const before = await home.kernels();
  for (const stage of ['Fetching kernel team', 'Unpacking the kernel', 'Storing the kernel']) {
    const { pid } = JSON.parse(readFileSync(home.at('state', HOLDER_FILE), 'utf8')) as {
      readonly pid: number;
    };
    const begins = new RegExp(`^{"progress":.*"stage":"${stage}`, 'm');
    const { status } = await home.run([...pull, '--force', '--json'], {
      onStart: (child) => onceSaid(child, begins, () => void process.kill(pid, 'SIGKILL')),
    });
    expect(status).toBe(1);
    expect(await home.kernels()).toEqual(before);
    await home.expectNothingLeft();
  }
});

test('a file that is another than the catalog says leaves the old kernel', async () => {
  const before = await home.kernels();
  const right = file;
  file = Buffer.from(right);
  file.writeUInt8(file.readUInt8(MIB) ^ 1, MIB);
  expectFault(await home.run([...pull, '--force']), {
    ...{ code: 'download_failed', status: 1 },
    says: /sent something else than the kernel team/,
  });
  file = right;
  expect(await home.kernels()).toEqual(before);
  await home.expectNothingLeft();
  expect(await home.run(['kernel', 'delete', 'team'])).toMatchObject({ status: 0 });
});

test('no room is told as that, wherever it ends', async ({ skip }) => {
  skip(process.getuid?.() !== 0, 'only root can mount a file system of its own');
  await home.stopDaemon();
  // The download alone, and with what it unpacks to.
  for (const bytes of [file.length / 2, file.length * 1.5]) {
    home.setRoom(Math.floor(bytes / MIB) * MIB, 'state', 'kernels');
    expectFault(await home.run(pull), { code: 'disk_full', status: 1, says: /no room for team/ });
    expect(await home.kernels()).toEqual([]);
    await home.expectNothingLeft();
  }
});
