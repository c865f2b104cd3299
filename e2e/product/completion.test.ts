import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BANGER_BIN, banger } from '../harness/banger.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { Terminal } from '../harness/terminal.ts';

/** Not typed anywhere: where a screen shows it, a shell has completed it. */
const VM = 'completed-name';

let directory: string;
/** A home that nothing was ever made in. */
let none: string;
let env: Record<string, string>;
const home = sharedHome();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'banger-completion-'));
  none = join(directory, 'none');
  mkdirSync(join(directory, 'bin'));
  // A file that must not be offered where no file is meant, and must be where one is.
  mkdirSync(join(directory, 'files/some-directory'), { recursive: true });
  writeFileSync(join(directory, 'files/some-kernel'), '');
  const program = join(directory, 'bin/banger');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${BANGER_BIN}' "$@"\n`);
  chmodSync(program, 0o755);
  env = {
    PATH: `${join(directory, 'bin')}:${process.env['PATH']}`,
    BANGER_HOME: home,
    PS1: 'ready> ',
    HOME: directory,
  };
  expect(await banger(['vm', 'create', '--no-start', '--name', VM], { home })).toMatchObject({ status: 0 });
});

afterAll(async () => {
  await banger(['vm', 'delete', VM], { home });
  rmSync(directory, { recursive: true });
});

/** A shell at its prompt, with the completion in it. */
async function shell(argv: readonly string[], setUp: string): Promise<Terminal> {
  const terminal = Terminal.run(argv, env);
  await terminal.shows(/ready> /);
  terminal.type(`cd ${join(directory, 'files')}; ${setUp}; PS1='set''up> '\n`);
  await terminal.shows(/setup> /);
  return terminal;
}

const shells = {
  bash: ['bash --norc --noprofile -i', 'source <(banger completion bash)'],
  zsh: ['zsh -f -i', 'autoload -U compinit && compinit -D -u && source <(banger completion zsh)'],
} as const;

describe.each(['bash', 'zsh'] as const)('%s', (name) => {
  const [program, setUp] = shells[name];
  let terminal: Terminal;
  beforeAll(async () => {
    terminal = await shell(program.split(' '), setUp);
  });
  /** An empty line: of what was typed before nothing is left. */
  beforeEach(async () => {
    terminal.forget();
    terminal.type('\u0015\n');
    await terminal.shows(/setup> /);
    terminal.forget();
  });
  afterAll(async () => {
    terminal.hangUp();
    await terminal.ended();
  });

  test('completes commands, and the name of a VM', async () => {
    terminal.type('banger vm st\t\t');
    await terminal.shows(/start[\s\S]*stop/);
    terminal.type('\u0015banger vm stop c\t');
    await terminal.shows(new RegExp(VM));
  });

  test('completes the value behind =', async () => {
    terminal.type('banger vm run --network=no\t');
    await terminal.shows(/--network=none/);
  });

  test('completes files where a file is meant', async () => {
    terminal.type('banger kernel import x --from some-k\t');
    await terminal.shows(/some-kernel/);
    terminal.type('--from=some-d\t');
    await terminal.shows(/some-directory/);
  });

  test('without a daemon offers neither names nor files, says nothing, and starts none', async () => {
    terminal.type(`BANGER_HOME='${none}'; echo el"se"where\n`);
    await terminal.shows(/elsewhere[^]*setup> /);
    terminal.forget();
    terminal.type('banger vm stop \t\tsome\t\t\u0015echo "do""ne"\n');
    await terminal.shows(/done/);
    expect(terminal.screen).not.toMatch(/some-|error|completed/);
    expect(existsSync(none)).toBe(false);
  });
});

describe('fish', () => {
  /** What fish offers for a line. */
  const offered = (line: string, change: Record<string, string> = {}): string[] =>
    execFileSync('fish', ['--no-config', '-c', 'banger completion fish | source; complete -C $argv', line], {
      cwd: join(directory, 'files'),
      env: { ...env, ...change },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
      .split('\n')
      .filter((each) => each !== '')
      .map((each) => each.split('\t')[0] ?? '');

  test('completes commands, names of VMs and values behind =', () => {
    expect(offered('banger vm st')).toEqual(expect.arrayContaining(['start', 'stop']));
    expect(offered('banger vm stop c')).toEqual([VM]);
    expect(offered('banger vm run --network=no')).toEqual(['--network=none']);
  });

  test('completes files where a file is meant, and nowhere else', () => {
    expect(offered('banger kernel import x --from some-k')).toEqual(['some-kernel']);
    expect(offered('banger kernel import x --from=some-d')).toEqual(['--from=some-directory/']);
    expect(offered('banger vm show some')).toEqual([]);
    expect(offered('banger vm stop ', { BANGER_HOME: none })).toEqual([]);
    expect(existsSync(none)).toBe(false);
  });
});

test('the script for bash is one that shellcheck has nothing to say of', async () => {
  const { stdout } = await banger(['completion', 'bash'], { home });
  const path = join(directory, 'banger.bash');
  writeFileSync(path, stdout);
  execFileSync('shellcheck', ['--shell=bash', path], { stdio: ['ignore', 'inherit', 'inherit'] });
});
