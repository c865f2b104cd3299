import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VmPort, VmStats } from '@banger/contract/guest';
import type { VmView } from '@banger/contract/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, bangerJson, startBanger, type Outcome } from '../harness/banger.ts';
import { seen } from '../harness/seen.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { until } from '../harness/until.ts';

const home = sharedHome();
const name = 'inside';
const vm = (...argv: string[]): Promise<Outcome> => banger(['vm', ...argv], { home });
const show = () => bangerJson<VmView>(['vm', 'show', name], { home });

/** Who has begun to read events has the ports of before looked at within two seconds, and is told of those that come after. */
const FIRST_LOOK_MS = 3_000;

/** What the commands that take several names print for programs. */
type Items<T> = readonly { readonly name: string; readonly ok: boolean; readonly result: T }[];

/** Perl is part of every Debian; under emulation it takes a second to start. */
const servers = `
use IO::Socket::INET;
sub serve { my ($port, $address, $answer) = @_;
  return if fork;
  my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => $address, LocalPort => $port, ReuseAddr => 1) or die $!;
  while (my $client = $server->accept) { my $line = <$client>; print $client $answer; close $client }
}
serve(8080, '0.0.0.0', "HTTP/1.0 200 OK\\r\\n\\r\\n");
serve(22, '127.0.0.1', "SSH-2.0-none\\r\\n");
if (!fork) {
  open my $comm, '>', '/proc/self/comm'; print $comm "\\e[31mred"; close $comm;
  my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '0.0.0.0', LocalPort => 5353) or die $!;
  sleep 1000;
}
`;

/** Signals the VMM, as a host does that has no time for it. */
async function signalVmm(signal: NodeJS.Signals): Promise<void> {
  const { runtime } = await show();
  if (runtime === undefined) throw new Error('It does not run.');
  process.kill(runtime.pid, signal);
}

/** By how many milliseconds the guest's clock is ahead, as its `date` tells at the first command. */
async function clockOffset(): Promise<number> {
  const asked = Date.now();
  const { stdout } = await vm('exec', name, '--', 'date', '+%s%3N');
  const answered = Date.now();
  const time = Number(stdout);
  if (time < asked) return time - asked;
  return Math.max(0, time - answered);
}

describe('a look inside a VM', () => {
  beforeAll(async () => {
    expect(await vm('create', '--name', name, '--memory', '512')).toMatchObject({ status: 0 });
  });
  afterAll(async () => {
    await vm('delete', name);
  });

  test('it answers a ping, and one that is not there does not', async () => {
    const { status, stdout, stderr } = await vm('ping', '--count', '3', name, 'nobody');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^inside: [\d.]+ to [\d.]+ ms, mostly [\d.]+ ms \(3 answers\)\n$/);
    expect(stderr).toContain('error[vm_not_found]');
  });

  test('its figures are those of the host and of the guest (C7)', async () => {
    const [item] = await bangerJson<Items<VmStats>>(['vm', 'stats'], { home });
    expect(item).toMatchObject({ name, ok: true });
    const { host, guest } = item!.result;
    expect(host.residentBytes).toBeGreaterThan(50 * 1024 ** 2);
    expect(host.disks).toMatchObject([
      { disk: 'root', sizeBytes: 8 * 1024 ** 3, nearlyFull: false },
      { disk: 'work' },
    ]);
    for (const { usedBytes } of host.disks) expect(usedBytes).toBeGreaterThan(0);
    expect(guest?.memory.totalBytes).toBeGreaterThan(400 * 1024 ** 2);
    expect(guest?.fileSystems.map(({ mountPoint }) => mountPoint)).toEqual(['/', '/root']);
    expect(guest?.processes).toBeGreaterThan(1);
  });

  test('what listens is listed once, with its name, process and protocol (K2 ports), and told of when it begins to', async () => {
    const reader = startBanger(['events', '--json', '--vm', name], { home });
    let told = '';
    reader.stdout!.on('data', (chunk: Buffer) => (told += chunk.toString()));
    await until('the snapshot', async () => (told === '' ? undefined : true));
    await sleep(FIRST_LOOK_MS);
    await banger(
      [
        'vm',
        'exec',
        name,
        '--',
        'sh',
        '-c',
        'cat > /run/servers.pl; setsid perl /run/servers.pl > /dev/null 2>&1 < /dev/null &',
      ],
      {
        home,
        input: servers,
      },
    );
    const ports = await until('three listeners', async () => {
      const [item] = await bangerJson<Items<readonly VmPort[]>>(['vm', 'ports', name], { home });
      return item?.result.length === 3 ? item.result : undefined;
    });
    expect(ports).toMatchObject([
      {
        endpoint: 'inside.vm:22',
        protocol: 'tcp',
        service: 'tcp',
        program: 'perl',
        addresses: ['127.0.0.1'],
      },
      { endpoint: 'inside.vm:5353', protocol: 'udp', service: 'udp', program: '\ufffd[31mred' },
      {
        endpoint: 'inside.vm:8080',
        protocol: 'tcp',
        service: 'http',
        program: 'perl',
        addresses: ['0.0.0.0'],
      },
    ]);
    await until('three events', async () => (told.split('port.opened').length > 3 ? true : undefined));
    expect(told).toMatch(/"endpoint":"inside.vm:8080","protocol":"tcp","port":8080,"program":"perl"/);
    const ended = once(reader, 'close');
    reader.kill('SIGINT');
    await ended;
    const { status, stdout, stderr } = await vm('ports', '--no-probe', 'nobody', name);
    expect(status).toBe(1);
    expect(stdout).toMatch(/inside\.vm:8080 +tcp +perl/);
    expect(stderr).toContain('error[vm_not_found]');
  });

  test('a root disk that is nearly full is marked (C2)', async () => {
    await vm(
      'exec',
      name,
      '--',
      'sh',
      '-c',
      'fallocate -l $(($(df --output=avail -B1 / | tail -1) - 200000000)) /big',
    );
    expect((await vm('stats', name)).stdout).toMatch(/Root disk .*9\d % full!/);
    await vm('exec', name, '--', 'rm', '/big');
  });

  test('the clock is right at the first command after the guest stood still (C15)', async () => {
    expect(Math.abs(await clockOffset())).toBeLessThan(1_000);
    await signalVmm('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await signalVmm('SIGCONT');
    expect(Math.abs(await clockOffset())).toBeLessThan(1_000);
  });

  test('an agent that went silent is shown as that, nothing hangs on it, and it is heard again (C9)', async () => {
    await signalVmm('SIGSTOP');
    try {
      const { status, stderr } = await vm('ping', name);
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /error\[agent_not_ready\]: The agent of inside does not answer.*\n.*within 10 s\.\n.*console/,
      );
      expect((await banger(['ps'], { home })).stdout).toMatch(/inside +running \(silent\)/);
      expect((await show()).runtime).toMatchObject({
        agent: 'silent',
        agentReason: expect.stringMatching(/console/),
      });
      const [item] = await bangerJson<Items<VmStats>>(['vm', 'stats', name], { home });
      expect(item?.result).toMatchObject({ guestReason: expect.stringMatching(/answer/) });
      expect(item?.result.host.residentBytes).toBeGreaterThan(0);
      expect(await vm('exec', name, '--', 'true')).toMatchObject({
        status: 125,
        stderr: expect.stringMatching(/error\[agent_not_ready\]: The agent of inside does not answer/),
      });
    } finally {
      await signalVmm('SIGCONT');
    }
    // Nobody asks: the daemon looks by itself.
    await until('the agent to be heard again', async () =>
      (await seen(home, name)).runtime?.agent === 'ready' ? true : undefined,
    );
    expect(await vm('exec', name, '--', 'true')).toMatchObject({ status: 0 });
  });
});
