import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, type Outcome } from '../harness/banger.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { busyboxLayout } from '../image/busybox-image.ts';
import { fetchGuestPackages } from './guest-packages.ts';

/** Debian's podman, and what makes its networks. */
const PACKAGES = ['podman', 'crun', 'netavark', 'iptables'];

/** A library that podman asks for signatures needs it, of which there are none. */
const NEEDLESS = ['gnupg'];

const home = sharedHome();
const name = 'podman';
const vm = (...argv: readonly string[]): Promise<Outcome> => banger(['vm', ...argv], { home });
const sh = (script: string): Promise<Outcome> => vm('exec', name, '--', 'sh', '-ec', script);

let directory = '';
let packages = '';
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'banger-podman-'));
  const rootDisk = join(home, 'state/images/debian-bookworm/root.ext4');
  const [created, fetched] = await Promise.all([
    vm('create', '--name', name, '--memory', '1G'),
    fetchGuestPackages(directory, rootDisk, PACKAGES, NEEDLESS),
  ]);
  expect(created).toMatchObject({ status: 0 });
  packages = fetched;
});
afterAll(async () => {
  await vm('delete', name);
  rmSync(directory, { recursive: true });
});

describe('what needs modules of the kernel (E6)', () => {
  beforeAll(async () => {
    const input = readFileSync(packages);
    const unpack = ['tar', '--extract', '--directory=/', '--keep-directory-symlink', '--no-overwrite-dir'];
    expect(await banger(['vm', 'exec', name, '--', ...unpack], { home, input })).toMatchObject({ status: 0 });
    // What the package's own script has update-alternatives do.
    expect(
      await sh('ln -s iptables-nft /usr/sbin/iptables; ln -s ip6tables-nft /usr/sbin/ip6tables'),
    ).toMatchObject({
      status: 0,
    });

    const [layout, archive] = ['layout', 'box.tar'].map((each) => join(directory, each));
    busyboxLayout(layout!);
    execFileSync('tar', ['--create', `--file=${archive}`, `--directory=${layout}`, '.']);
    expect(await vm('cp', archive!, `${name}:/tmp/box.tar`)).toMatchObject({ status: 0 });
    expect(await sh('podman pull -q oci-archive:/tmp/box.tar')).toMatchObject({ status: 0 });
  });

  test("a container of Debian's podman runs as its image and its command line say, with its own status", async () => {
    const run = 'podman run --rm -e A=b localhost/image sh -c';
    const ran = await sh(
      `${run} 'cat /etc/motd; echo $A; ls / | grep tmp; id -u; grep " / " /proc/mounts; exit 7'`,
    );
    expect(ran).toMatchObject({
      status: 7,
      stdout: expect.stringMatching(/the newer layer\nb\n[^]*^overlay \/ overlay /m) as string,
    });
    const backend = await sh('cat /var/lib/containers/storage/defaultNetworkBackend');
    expect(backend.stdout).toBe('netavark');
  });

  test('one behind a bridge of its own is reached by the port that it publishes', async () => {
    const server = 'busybox httpd -f -p 80 -h /etc';
    const asked = await sh(
      `podman run -d --name web -p 8080:80 localhost/image ${server} >/dev/null
      curl -sS --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:8080/motd
      podman rm -f -t 0 web >/dev/null`,
    );
    expect(asked).toMatchObject({ status: 0, stdout: 'the newer layer\n' });
    const loaded = (await sh("cut -d' ' -f1 /proc/modules")).stdout.split('\n');
    expect(loaded).toEqual(expect.arrayContaining(['overlay', 'veth', 'bridge', 'nf_tables']));
  });
});

test('files are mounted as disks, and tunnels have their device', async () => {
  const tried = `truncate -s 16M /tmp/disk; mke2fs -q -F /tmp/disk; mount -o loop /tmp/disk /mnt; touch /mnt/x
    stat -c '%n %a' /dev/net/tun; ls /mnt; modprobe -n -v wireguard | tail -n 1`;
  expect(await sh(tried)).toMatchObject({
    stderr: '',
    stdout: expect.stringMatching(/^\/dev\/net\/tun 666\nlost\+found\nx\ninsmod .*\/wireguard\.ko/),
  });
});
