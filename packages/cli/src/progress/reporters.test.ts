import type { Progress } from '@banger/contract/progress';
import { describe, expect, test } from 'vitest';
import { FakeClock, fakeMachine } from '../fake-machine.suite.ts';
import { chooseReporter } from './choose.ts';
import { jsonReporter } from './json-lines.ts';
import { liveReporter } from './live.ts';
import { plainReporter } from './plain.ts';
import { quietReporter } from './quiet.ts';

const event = (stage: string, rest: Partial<Progress> = {}): Progress => ({
  operation: 'op1',
  stage,
  level: 'stage',
  ...rest,
});

/** What a reporter writes. */
function written(): { write: (text: string) => void; text: () => string; clock: FakeClock } {
  let all = '';
  return { write: (text) => (all += text), text: () => all, clock: new FakeClock() };
}

describe('plain', () => {
  test('a line for each stage with its time', () => {
    const { write, text, clock } = written();
    const task = plainReporter({ write, clock }).follow('Starting box');
    task.progress(event('Make the disk'));
    clock.advance(1_500);
    task.progress(event('Make the disk', { done: 5, total: 10, unit: 'steps' }));
    task.progress(event('Make the disk', { ms: 1_600 }));
    task.progress(event('Boot the kernel'));
    clock.advance(12_000);
    task.progress(event('a warning \x1b', { level: 'warning', detail: 'of the guest' }));
    task.end();
    task.end();
    expect(text()).toBe(
      'Make the disk (1.6 s)\nwarning: a warning \\x1b: of the guest\nBoot the kernel (12 s)\n',
    );
    expect(clock.pending).toBe(0);
  });

  test('a call without stages says so when it took a second', () => {
    const { write, text, clock } = written();
    const reporter = plainReporter({ write, clock });
    const quick = reporter.follow('Listing');
    clock.advance(999);
    quick.end();
    const slow = reporter.follow('Stopping box');
    clock.advance(3_200);
    slow.end();
    expect(text()).toBe('Stopping box (3.2 s)\n');
  });

  test('before the words of somebody else nothing is told of how long it took, but that it is at work', () => {
    const { write, text, clock } = written();
    const task = plainReporter({ write, clock }).follow('Opening the session', { handsOver: true });
    clock.advance(29_000);
    expect(text()).toBe('');
    clock.advance(2_000);
    task.end();
    expect(text()).toBe('Opening the session · 30 s …\n');
  });

  test('a stage around others is told once, at its end', () => {
    const { write, text, clock } = written();
    const task = plainReporter({ write, clock }).follow('x');
    task.progress(event('Look for the image'));
    task.progress(event('Build it'));
    clock.advance(9_000);
    task.progress(event('Look for the image', { ms: 9_001 }));
    task.end();
    expect(text()).toBe('Build it (9.0 s)\nLook for the image (9.0 s)\n');
  });

  test('minutes do not look like a hang', () => {
    const { write, text, clock } = written();
    const task = plainReporter({ write, clock }).follow('Pulling');
    task.progress(event('Build', { done: 1024, total: 4096, unit: 'bytes', detail: 'unpacking' }));
    clock.advance(61_000);
    task.end();
    expect(text()).toBe(
      'Build · unpacking · 1 KiB of 4 KiB · 34.1 B/s · 30 s …\n' +
        'Build · unpacking · 1 KiB of 4 KiB · 17.1 B/s · 1 min …\n' +
        'Build (1 KiB, 16.8 B/s, 1 min 1 s)\n',
    );
  });

  test('what came is told in one line, with its speed, once there is one to tell', () => {
    const { write, text, clock } = written();
    const task = plainReporter({ write, clock }).follow('Pulling');
    const bytes = (done: number): Progress => event('Fetch', { done, total: 64 * 1024 ** 2, unit: 'bytes' });
    task.progress(bytes(0));
    clock.advance(16_000);
    task.progress(bytes(64 * 1024 ** 2));
    task.progress(event('Fetch', { ms: 16_000 }));
    task.progress(event('Unpack', { done: 3, total: 3, unit: 'steps' }));
    clock.advance(2_000);
    task.end();
    expect(text()).toBe('Fetch (64 MiB, 4 MiB/s, 16 s)\nUnpack (2.0 s)\n');
  });
});

describe('live', () => {
  const ERASE = '\r\x1b[2K';
  const live = (width = 80, height = 24) => {
    const { write, text, clock } = written();
    const size = { width: () => width, height: () => height };
    const reporter = liveReporter({ write, clock, ...size, paint: (_, painted) => painted });
    return { reporter, text, clock };
  };

  test('one line that is redrawn and goes away', () => {
    const { reporter, text, clock } = live();
    const task = reporter.follow('Starting box');
    task.progress(event('Boot', { done: 3, total: 7, unit: 'steps' }));
    clock.advance(300);
    expect(text()).toBe(`${ERASE}Boot · 3 of 7 · 0.2 s${ERASE}Boot · 3 of 7 · 0.3 s`);
    task.end();
    expect(text().endsWith(ERASE)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  /** Layers of 100 MiB each that have come as far as this, in MiB. */
  const layers = (...come: number[]): Progress[] =>
    come.map((mib, at) =>
      event('Fetch', {
        ...{ done: come.reduce((sum, each) => sum + each) * 1024 ** 2, total: come.length * 100 * 1024 ** 2 },
        ...{ unit: 'bytes' as const },
        part: {
          name: `sha256:${String(at).repeat(64)}`,
          done: mib * 1024 ** 2,
          total: 100 * 1024 ** 2,
        },
      }),
    );

  test('a bar for each part that is at work, with bytes and speed, and all of them go away', () => {
    const { reporter, text, clock } = live();
    const task = reporter.follow('Pulling');
    layers(0, 0, 100).forEach(task.progress);
    clock.advance(2_000);
    layers(50, 10, 100).forEach(task.progress);
    clock.advance(100);
    const bar = (full: number): string => `[${'='.repeat(full)}>${' '.repeat(23 - full)}]`;
    expect(text().split(`${ERASE}\x1b[1A\x1b[2K\x1b[1A\x1b[2K`).at(-1)).toBe(
      'Fetch · 160 MiB of 300 MiB · 76.2 MiB/s · 2.1 s\n' +
        `  000000000000 ${bar(12)} 50 MiB of 100 MiB · 23.8 MiB/s\n` +
        `  111111111111 ${bar(2)} 10 MiB of 100 MiB · 4.8 MiB/s`,
    );
    layers(100, 10, 100).forEach(task.progress);
    clock.advance(100);
    expect(text().endsWith(`  111111111111 ${bar(2)} 10 MiB of 100 MiB · 4.5 MiB/s`)).toBe(true);
    task.progress(event('Write'));
    expect(text().endsWith(`${ERASE}\x1b[1A\x1b[2KFetch (210 MiB, 95.5 MiB/s, 2.2 s)\n`)).toBe(true);
    clock.advance(100);
    expect(text().endsWith('Write · 0.1 s')).toBe(true);
    task.end();
    expect(text().endsWith(ERASE)).toBe(true);
  });

  test('bars take no more lines than there are, and no columns from the figures', () => {
    const { reporter, text, clock } = live(60, 4);
    layers(1, 2, 3, 4).forEach(reporter.follow('Pulling').progress);
    clock.advance(200);
    expect(text()).toBe(
      `${ERASE}Fetch · 10 MiB of 400 MiB · 0.2 s\n  000000000000 1 MiB of 100 MiB\n  111111111111 2 MiB of 100 MiB`,
    );
  });

  test('is redrawn ten times a second at most, and not when nothing changed', () => {
    const { reporter, text, clock } = live();
    const task = reporter.follow('x');
    clock.advance(20_000);
    const draws = () => text().split(ERASE).length - 1;
    const before = draws();
    for (let step = 0; step < 1_000; step += 1) {
      task.progress(event('y', { done: step, unit: 'steps' }));
      clock.advance(1);
    }
    expect(draws() - before).toBeLessThanOrEqual(10);
    const quiet = draws();
    clock.advance(900);
    expect(draws() - quiet).toBeLessThanOrEqual(9);
  });

  test('quick calls show nothing', () => {
    const { reporter, text, clock } = live();
    const task = reporter.follow('Listing');
    clock.advance(150);
    task.end();
    expect(text()).toBe('');
  });

  test('stages of a second leave a line, notices and errors stand above the live line', () => {
    const { reporter, text, clock } = live();
    const task = reporter.follow('x');
    task.progress(event('Build'));
    clock.advance(2_000);
    task.progress(event('Boot'));
    reporter.notice('hello\x07');
    task.end();
    expect(text()).toContain(`${ERASE}Build (2.0 s)\n`);
    expect(text()).toContain('hello\\x07\n');
  });

  test('never wraps, whatever the stage is called', () => {
    const { reporter, text, clock } = live(20);
    const task = reporter.follow('x'.repeat(100));
    clock.advance(300);
    task.progress(event('漢'.repeat(100)));
    clock.advance(300);
    for (const line of text().split(ERASE)) expect(line.length).toBeLessThan(20);
  });

  test('several calls share the line', () => {
    const { reporter, text, clock } = live();
    const tasks = ['a', 'b'].map((name) => reporter.follow(`Stopping ${name}`));
    clock.advance(300);
    expect(text()).toContain('(2 at work) Stopping b');
    tasks[1]?.end();
    clock.advance(100);
    expect(text()).toContain(`${ERASE}Stopping a`);
    tasks[0]?.end();
    expect(clock.pending).toBe(0);
  });
});

describe('JSON lines and quiet', () => {
  test('JSON: every line is an object with one key', () => {
    const { write, text } = written();
    const reporter = jsonReporter({ write, quiet: false });
    reporter.follow('x').progress(event('Boot \x9b', { done: 1 }));
    reporter.notice('n');
    reporter.warning('w');
    const lines = text().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { progress: event('Boot \x9b', { done: 1 }) },
      { notice: 'n' },
      { warning: 'w' },
    ]);
    expect(text()).not.toContain('\x9b');
  });

  test('quiet: warnings alone', () => {
    const { write, text } = written();
    for (const reporter of [quietReporter({ write }), jsonReporter({ write, quiet: true })]) {
      const task = reporter.follow('x');
      task.progress(event('Boot'));
      task.progress(event('odd', { level: 'warning' }));
      reporter.notice('n');
      task.end();
    }
    expect(text()).toBe('warning: odd\n{"progress":{"operation":"op1","stage":"odd","level":"warning"}}\n');
  });
});

describe('the choice', () => {
  const drawn = (terminal: boolean, env: Readonly<Record<string, string>>) => {
    const machine = fakeMachine({ terminals: terminal ? ['stderr'] : [], env });
    const task = chooseReporter(machine, { json: false, quiet: false }).follow('x');
    machine.clock.advance(500);
    task.end();
    return machine.stderr.text.includes('\r');
  };

  test('redraws on a terminal that can, and nowhere else', () => {
    expect(drawn(true, {})).toBe(true);
    expect(drawn(true, { TERM: 'dumb' })).toBe(false);
    expect(drawn(false, {})).toBe(false);
  });

  test('NO_COLOR takes colours away, not the redrawing', () => {
    const text = (env: Readonly<Record<string, string>>) => {
      const machine = fakeMachine({ terminals: ['stderr'], env });
      chooseReporter(machine, { json: false, quiet: false }).warning('w');
      return machine.stderr.text;
    };
    expect(text({})).toBe('\x1b[33mwarning:\x1b[39m w\n');
    expect(text({ NO_COLOR: '1' })).toBe('warning: w\n');
    expect(drawn(true, { NO_COLOR: '1' })).toBe(true);
  });
});
