import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../harness/banger.ts';
import { seen, seenAll } from '../harness/seen.ts';
import { until } from '../harness/until.ts';
import { expectFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';
import { onceSaid } from './once-said.ts';
import { silentInitramfs } from './silent-init.ts';

const small = ['--memory', '256'];
/** Longer than a kernel needs to its first process. */
const SILENCE_MS = 3_000;

let home: FaultHome;
beforeAll(() => {
  home = FaultHome.stocked();
});
afterAll(() => home.remove());

/** For tests that share nothing. */
function leaveNothing(): void {
  afterEach(({ task }) => home.tidy(task.result?.state === 'fail'));
}
const run = (...argv: string[]): Promise<Outcome> => home.run(['vm', 'run', '--rm', ...small, ...argv]);

describe('a command that cannot be run', () => {
  leaveNothing();
  test('in a VM of its own: it says so, and nothing is left', async () => {
    expectFault(await run('--', '/etc/passwd'), {
      code: 'command_not_executable',
      status: 126,
      says: '/etc/passwd',
    });
  });
});

describe('a VM in which a session goes on', () => {
  let session: Promise<Outcome>;
  let vmm: number;
  beforeAll(async () => {
    session = home.run(['vm', 'run', '--name', 'odd', ...small, '--', 'sleep', '1000']);
    vmm = await until('the VM to run', async () => {
      const [view] = await seenAll(home.path);
      return view?.state === 'running' ? view.runtime?.pid : undefined;
    });
  });
  afterAll(() => home.tidy(true));

  test('refuses directories, interpreters, users and places that are not there', async () => {
    const exec = (...argv: string[]): Promise<Outcome> => home.run(['vm', 'exec', 'odd', ...argv]);
    const make =
      'printf "#!/no/such/interpreter\\n" > /root/odd; printf "x" > /root/plain; chmod 755 /root/*';
    expect(await exec('--', 'sh', '-c', make)).toMatchObject({ status: 0 });
    const cases = [
      [['--', '/etc'], { code: 'command_not_executable', status: 126 }],
      [['--', '/root/plain'], { code: 'command_not_executable', status: 126 }],
      [['--', '/root/odd'], { code: 'command_not_executable', status: 126, says: 'interpreter' }],
      [['--', '/root/none'], { code: 'command_not_found', status: 127 }],
      [['--', 'no-such-command'], { code: 'command_not_found', status: 127, says: 'no-such-command' }],
      [['--', ''], { code: 'command_not_found', status: 127 }],
      [['--user', 'nobody-known', '--', 'true'], { code: 'invalid_argument', status: 125 }],
      [['--workdir', '/no/such/place', '--', 'true'], { code: 'guest_failed', status: 125 }],
      [['--env', '=x', '--', 'true'], { code: 'usage', status: 2 }],
    ] as const;
    for (const [argv, fault] of cases) expectFault(await exec(...argv), fault);
    expect((await exec('--', 'hostname')).stdout).toBe('odd\n');
  });

  test('its VMM is killed: the session says what happened, the VM its state', async () => {
    expect(vmm).toBeGreaterThan(1);
    process.kill(vmm, 'SIGKILL');
    const outcome = await session;
    expectFault(outcome, { code: 'vmm_gone', status: 125, says: /odd is error: The VMM ended: .*SIGKILL/ });
    const view = await until('its state', async () => {
      const told = await seenAll(home.path);
      return told[0]?.state === 'error' ? told[0] : undefined;
    });
    expect(view.reason).toMatch(/SIGKILL/);
    expect(await home.run(['vm', 'delete', 'odd'])).toMatchObject({ status: 0 });
  });
});

describe('an image without a shell', () => {
  leaveNothing();
  beforeAll(() => {
    const [from, to] = ['debian-bookworm', 'bare'].map((name) => home.at('state', 'images', name)) as [
      string,
      string,
    ];
    mkdirSync(to, { mode: 0o700 });
    execFileSync('cp', ['--sparse=always', `${from}/root.ext4`, `${from}/work.ext4`, to]);
    const manifest = JSON.parse(readFileSync(`${from}/manifest.json`, 'utf8')) as object;
    writeFileSync(`${to}/manifest.json`, JSON.stringify({ ...manifest, name: 'bare' }));
    const shells = ['sh', 'dash', 'bash', 'rbash'].map((name) => `unlink /usr/bin/${name}\n`).join('');
    execFileSync('/sbin/debugfs', ['-w', '-f', '-', `${to}/root.ext4`], { input: shells, stdio: 'pipe' });
  });

  test('boots, runs what it has, and says of the shell that it is not there', async () => {
    const made = await home.run(['vm', 'create', '--name', 'bare', '--image', 'bare', ...small]);
    expect(made).toMatchObject({ status: 0 });
    expect((await home.run(['vm', 'exec', 'bare', '--', 'hostname'])).stdout).toBe('bare\n');
    for (const [code, argv] of [
      ['shell_not_found', ['vm', 'shell', 'bare']],
      ['command_not_found', ['vm', 'exec', 'bare', '--', 'sh', '-c', 'true']],
    ] as const) {
      const { status, stderr } = await home.run(argv);
      expect(stderr).toMatch(new RegExp(`^error\\[${code}\\]: .*sh`, 'm'));
      expect(status).toBe(127);
    }
    // It stops like any other.
    expect(await home.run(['vm', 'stop', 'bare'])).toMatchObject({ status: 0 });
    expect(await home.show('bare')).toMatchObject({ state: 'stopped', reason: '' });
    await home.run(['vm', 'delete', 'bare']);
  });
});

describe('a guest that ends in the middle of a session', () => {
  leaveNothing();
  const ends = [
    ['poweroff -f', 'stopped', /powered off/],
    [
      'echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger',
      'error',
      /panicked: .*sysrq triggered crash/,
    ],
  ] as const;

  test.each(ends)('%s: the session says what happened, the VM its state', async (script, state, reason) => {
    const outcome = await home.run([
      'vm',
      'run',
      '--name',
      'ends',
      ...small,
      '--',
      'sh',
      '-c',
      `${script}; sleep 100`,
    ]);
    expectFault(outcome, { code: 'vmm_gone', status: 125, says: reason });
    const view = await until('its state', async () => {
      const told = await seen(home.path, 'ends');
      return told.state === state ? told : undefined;
    });
    expect(view.reason).toMatch(reason);
    await home.run(['vm', 'delete', 'ends']);
  });

  test('with --rm: the same, and nothing is left', async () => {
    const [, [script, , reason]] = ends;
    const outcome = await run('--', 'sh', '-c', `${script}; sleep 100`);
    expectFault(outcome, { code: 'vmm_gone', status: 125, says: reason });
  });
});

describe('a guest that does not come up', () => {
  leaveNothing();
  /** A kernel of the store whose initramfs is another one. */
  const kernel = (name: string, initramfs: Uint8Array): void => {
    const [from, to] = ['debian-cloud', name].map((each) => home.at('state', 'kernels', each)) as [
      string,
      string,
    ];
    cpSync(from, to, { recursive: true });
    const manifest = JSON.parse(readFileSync(`${to}/manifest.json`, 'utf8')) as object;
    writeFileSync(`${to}/manifest.json`, JSON.stringify({ ...manifest, name }));
    writeFileSync(`${to}/initramfs.img`, initramfs);
  };

  test('because it has no init: the panic ends the wait at once, and is told with what the kernel said', async () => {
    kernel('no-init', Buffer.alloc(0));
    const begun = Date.now();
    const outcome = await home.run(['vm', 'create', '--name', 'dead', '--kernel', 'no-init', ...small]);
    expectFault(outcome, {
      code: 'vmm_failed',
      status: 1,
      says: /agent hello: the guest kernel panicked[^]*Unable to mount root fs/,
    });
    expect(Date.now() - begun).toBeLessThan(60_000);
    expect(await home.show('dead')).toMatchObject({ state: 'error', phase: 'agent' });
    expect((await home.run(['vm', 'logs', 'dead'])).stdout).toContain('Kernel panic');
    expect(home.leftovers()).toHaveLength(1);
    await home.run(['vm', 'delete', 'dead']);
  });

  test('because nothing in it answers: Ctrl-C ends the wait at once, and nothing is left', async () => {
    kernel('silent', silentInitramfs());
    const outcome = await home.run(['vm', 'run', '--name', 'mute', '--kernel', 'silent', ...small], {
      // The kernel comes up, and then there is silence.
      onStart: (child) =>
        onceSaid(child, /^Starting the virtual machine/m, () =>
          setTimeout(() => child.kill('SIGINT'), SILENCE_MS),
        ),
    });
    expect(outcome.stderr).toMatch(/^Booting to the agent/m);
    expect(outcome.stderr.match(/^error\[cancelled\]: /gm)).toHaveLength(1);
    expect(outcome.status).toBe(130);
  });
});
