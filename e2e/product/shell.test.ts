import type { VmView } from '@banger/contract/vm';
import { afterAll, describe, expect, test } from 'vitest';
import { banger, bangerJson } from '../harness/banger.ts';
import { entries, vmProcessesOf } from '../harness/leftovers.ts';
import { seenAll } from '../harness/seen.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { Terminal } from '../harness/terminal.ts';
import { until } from '../harness/until.ts';

const home = sharedHome();
const list = () => bangerJson<VmView[]>(['vm', 'list'], { home });

describe('a shell on a terminal', () => {
  afterAll(() => banger(['vm', 'delete', 'term'], { home }));

  test('is closed in the middle of `run`: the VM runs on', async () => {
    const terminal = Terminal.start(['vm', 'run', '--name', 'term'], home);
    await terminal.shows(/[#$] $/);
    terminal.hangUp();
    await terminal.ended();
    expect(await list()).toMatchObject([{ name: 'term', state: 'running' }]);
  });

  test('has the size and kind of the terminal, passes UTF-8, Ctrl-C and Ctrl-D, and gives its status', async () => {
    const terminal = Terminal.start(['vm', 'shell', 'term'], home);
    await terminal.shows(/[#$] $/);
    terminal.type('stty size; echo "term=$TERM"; echo "grüße ☃" | rev\r');
    await terminal.shows(/33 101[\s\S]*term=xterm-256color[\s\S]*☃ eßürg/);
    // The sleeper says so itself: a Ctrl-C that came before it would only clear the line.
    terminal.type('sh -c \'echo "asl""eep"; exec sleep 1000\'\r');
    await terminal.shows(/asleep/);
    terminal.type('\u0003');
    await terminal.shows(/\^C[\s\S]*# $/);
    terminal.type('echo "after=$?"\r');
    await terminal.shows(/after=130/);
    terminal.type('(exit 7); echo "do""ne"\r');
    await terminal.shows(/done[\s\S]*# $/);
    terminal.type('(exit 7)\r');
    await terminal.shows(/\(exit 7\)\r\n[\s\S]*# $/);
    terminal.type('\u0004');
    expect(await terminal.ended()).toBe(7);
    expect(terminal.screen).toMatch(/still runs/);
  });

  test('runs full-screen programs', async () => {
    const terminal = Terminal.start(['vm', 'exec', '-t', 'term', '--', 'less', '/etc/passwd'], home);
    await terminal.shows(/root:x:0:0/);
    terminal.type('q');
    expect(await terminal.ended()).toBe(0);
  });
});

describe('the client goes away', () => {
  test('the terminal is closed in the middle of `run --rm`: nothing is left', async () => {
    const terminal = Terminal.start(['vm', 'run', '--rm', '--name', 'closed'], home);
    await terminal.shows(/[#$] $/);
    terminal.hangUp();
    await until('the VM to be gone', async () => ((await seenAll(home)).length === 0 ? true : undefined));
    // The command line itself looks for what it has left open before it ends.
    await until('all processes to be gone', async () =>
      vmProcessesOf(home).length === 0 ? true : undefined,
    );
    expect(entries(home, 'state', 'vms')).toEqual([]);
  });

  test('Ctrl-C while it boots: nothing is left', async () => {
    const terminal = Terminal.start(['vm', 'run', '--name', 'early'], home);
    await terminal.shows(/agent/i);
    terminal.type('\u0003');
    expect(await terminal.ended()).not.toBe(0);
    await until('the VM to be gone', async () => ((await seenAll(home)).length === 0 ? true : undefined));
    expect(vmProcessesOf(home)).toEqual([]);
    expect(entries(home, 'state', 'vms')).toEqual([]);
    expect(entries(home, 'run', 'vm')).toEqual([]);
  });

  test('kill -9 of the command line in `run --rm`: nothing is left', async () => {
    const outcome = await banger(['vm', 'run', '--rm', '--', 'sleep', '1000'], {
      home,
      onStart: (child) => {
        void until('the VM to run', async () =>
          (await seenAll(home))[0]?.state === 'running' ? true : undefined,
        ).then(() => child.kill('SIGKILL'));
      },
    });
    expect(outcome.signal).toBe('SIGKILL');
    await until('the VM to be gone', async () => ((await seenAll(home)).length === 0 ? true : undefined));
    expect(vmProcessesOf(home)).toEqual([]);
    expect(entries(home, 'state', 'vms')).toEqual([]);
  });

  test('what is typed while it boots reaches the shell', async () => {
    const terminal = Terminal.start(['vm', 'run', '--rm', '--name', 'ahead'], home);
    terminal.type('echo "typed $((40 + 2))"; exit 3\r');
    expect(await terminal.ended()).toBe(3);
    expect(terminal.screen).toContain('typed 42');
    expect(await list()).toEqual([]);
  });
});
