import { Option } from 'commander';
import { describe, expect, test } from 'vitest';
import { readCommandLine, type CommandLine } from './command-line.ts';
import type { CommandEntry, GroupEntry } from './command-tree.ts';
import { FakeDaemon } from './fake-daemon.suite.ts';
import { fakeMachine, run } from './fake-machine.suite.ts';
import { registry } from './registry.ts';

const { commands, groups } = registry;

const read = (line: string) =>
  readCommandLine(
    line.split(' ').filter((word) => word !== ''),
    100,
  );

const everyCommand = [
  ...commands.map((entry) => ({ path: entry.name, entry })),
  ...groups.flatMap((group) => commandsOf(group)),
];

function commandsOf(group: GroupEntry, above = ''): { path: string; entry: CommandEntry }[] {
  const path = `${above}${group.name} `;
  return [
    ...group.commands.map((entry) => ({ path: `${path}${entry.name}`, entry })),
    ...(group.groups ?? []).flatMap((inner) => commandsOf(inner, path)),
  ];
}

describe('every command', () => {
  test.each(everyCommand)('$path has help with examples that are its own', async ({ path, entry }) => {
    const line = await read(`${path} --help`);
    if (line.kind !== 'help') throw new Error('no help');
    expect(line.text).toContain(`Usage: banger ${path} [options]`);
    expect(line.text).toContain(entry.summary);
    expect(line.text).toContain('--json');
    const { examples } = await entry.load();
    expect(examples.length).toBeGreaterThan(0);
    for (const [example, what] of examples) {
      expect(line.text).toContain(example);
      expect(what).not.toBe('');
    }
  });

  test.each(everyCommand)('$path is understood in each of its examples', async ({ entry }) => {
    const { examples } = await entry.load();
    for (const [example] of examples) {
      const words = shellWords(example);
      if (words !== undefined)
        await expect(readCommandLine(words, 100)).resolves.toMatchObject({ kind: 'command' });
    }
  });

  test.each(everyCommand)('$path has options that can be told apart', async ({ entry }) => {
    const { options } = await entry.load();
    const flags = ['-q', '--quiet', '--json', '-h', '--help'];
    for (const { flags: own } of Object.values(options)) {
      const { short, long } = new Option(own);
      flags.push(...[short, long].filter((flag) => flag !== undefined));
    }
    expect(new Set(flags).size).toBe(flags.length);
  });

  test.each(
    groups.flatMap((group) => group.commands.filter(({ name }) => name === 'delete').map(() => group.name)),
  )('%s rm is %s delete', async (name) => {
    await expect(read(`${name} rm x`)).resolves.toEqual(await read(`${name} delete x`));
  });
});

describe('command lines', () => {
  test.each([
    '',
    '--help',
    '-h',
    'help',
    'vm --help',
    'help vm',
    'help vm run',
    'vm run --help',
    'vm help run',
    'image cache --help',
    'image cache help prune',
    'help image cache',
  ])('%j asks for help', async (line) => {
    const ran = await run(line, fakeMachine());
    expect(ran.status).toBe(0);
    expect(ran.out).toMatch(/^Usage: banger/);
    expect(ran.err).toBe('');
  });

  test.each(['version', '--version', '-V', '--json version', 'version --json'])(
    '%s is a command',
    async (line) => {
      await expect(read(line)).resolves.toMatchObject({ kind: 'command', json: line.includes('json') });
    },
  );

  test.each([
    ['vm', 'banger vm needs a command.'],
    ['image cache', 'banger image cache needs a command.'],
    ['image cache prnue', "Unknown command 'prnue'."],
    ['image cache prune x', 'Too many arguments'],
    ['frobnicate', "Unknown command 'frobnicate'."],
    ['vm strat box', "Unknown command 'strat'."],
    ['vm start', "Missing required argument 'names'."],
    ['vm show a b', 'Too many arguments'],
    ['vm run --memry 2G', "Unknown option '--memry'."],
    ['vm run --memory', "Option '--memory <size>' argument missing."],
    ['vm run --', 'There is no command behind --.'],
    ['vm exec a --user', 'stands behind the name'],
    ['vm exec --user u a --tty b -- c', 'Too many arguments.'],
  ])('%s is refused with 2', async (line, message) => {
    const ran = await run(line, fakeMachine({ client: new FakeDaemon() }));
    expect(ran.status).toBe(2);
    expect(ran.out).toBe('');
    expect(ran.err).toMatch(/^error\[usage\]: /);
    expect(ran.err).toContain(message);
    expect(ran.err).toContain('hint: ');
  });

  test('says what may have been meant', async () => {
    expect((await run('vm strat box', fakeMachine())).err).toContain('Did you mean start?');
    expect((await run('vm run --memry 2G', fakeMachine())).err).toContain('Did you mean --memory?');
  });

  test('errors are JSON with --json, but not when it belongs to the guest', async () => {
    const { err } = await run('vm run --json --bogus', fakeMachine());
    expect(JSON.parse(err)).toEqual({
      error: {
        code: 'usage',
        message: "Unknown option '--bogus'.",
        hint: 'A command is written behind --. See banger vm run --help.',
        details: {},
      },
    });
    expect((await run('vm run --bogus -- x --json', fakeMachine())).err).toMatch(/^error\[usage\]/);
  });

  test('a -- that comes later belongs to the command', async () => {
    await expect(read('vm exec a b -- c')).resolves.toMatchObject({
      input: { name: 'a', rest: ['b', '--', 'c'] },
    });
  });

  test.each(['', '-- '])(
    'a command may have more words than a stack has room for, %j before them',
    async (dashes) => {
      const words = Array.from({ length: 200_000 }, (_, index) => String(index));
      const line = await readCommandLine([...`vm exec --user u a ${dashes}echo`.split(' '), ...words], 80);
      expect(line).toMatchObject({ kind: 'command', input: { name: 'a', options: { user: 'u' } } });
      expect((line as Extract<CommandLine, { kind: 'command' }>).input.rest).toEqual(['echo', ...words]);
    },
  );

  test('options may stand between name and --', async () => {
    await expect(read('vm exec a --user u -- c -d')).resolves.toMatchObject({
      input: { args: ['a'], options: { user: 'u' }, rest: ['c', '-d'] },
    });
  });
});

/** The words of an example of one simple command; undefined for one that only a shell can read. */
function shellWords(example: string): string[] | undefined {
  const line = example
    .replace(/; echo \$\?$/, '')
    .replace(/^(?!banger ).* \| /, '')
    .replace(/ \| .*$/, '')
    .replace(/^source <\((.*)\)$/, '$1')
    .replace(/ < .*$/, '');
  if (line.includes('$(')) return undefined;
  const words = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, one, two, three]) => one ?? two ?? three ?? '',
  );
  return words.slice(1);
}
