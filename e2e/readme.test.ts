import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultHome } from './faults/fault-home.ts';
import { BANGER_BIN } from './harness/banger.ts';

const ROOT = join(import.meta.dirname, '..');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** A command of an example and what it prints. */
interface Example {
  readonly command: string;
  /** Lines of standard output, in which `…` stands for anything. */
  readonly expected: readonly string[];
}

/** Fenced blocks of a text: what stands behind the fence, and the lines within. */
function fences(text: string): { readonly info: string; readonly lines: readonly string[] }[] {
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, info = '', body = '']) => ({
    info,
    lines: body.trimEnd().split('\n'),
  }));
}

/** Commands of a console block in their order; every line that is none is output of the one before. */
function examplesOf(lines: readonly string[]): Example[] {
  const examples: { command: string; expected: string[] }[] = [];
  for (const line of lines) {
    if (line.startsWith('$ ')) examples.push({ command: line.slice(2), expected: [] });
    else if (examples.length === 0) throw new Error(`Output without a command: ${line}`);
    else examples.at(-1)?.expected.push(line);
  }
  return examples;
}

/** What the whole output must match. Columns may be further apart than in the README: what is in them decides that. */
function patternOf(expected: readonly string[]): RegExp {
  const lines = expected.map((line) =>
    line
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll(/ {2,}/g, ' {2,}')
      .replaceAll('…', '[\\s\\S]*'),
  );
  return new RegExp(`^${lines.map((line) => `${line}\n`).join('')}$`);
}

/** Runs a command line as somebody would type it in a checkout. */
function run(command: string, home: string): { status: number | null; stdout: string; stderr: string } {
  const banger = `'${process.execPath}' '${BANGER_BIN}'`;
  const script = command.replaceAll('./banger', () => banger);
  return spawnSync('bash', ['-o', 'pipefail', '-c', script], {
    cwd: ROOT,
    env: { ...process.env, BANGER_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
}

describe('the examples of the README', () => {
  const blocks = fences(readme);
  const console = blocks.filter(({ info }) => info === 'console');
  const examples = console.flatMap(({ lines }) => examplesOf(lines));
  let home: FaultHome;

  beforeAll(() => {
    home = FaultHome.stocked();
  });
  afterAll(() => home.remove());

  test('are all either run here or targets of the Makefile', () => {
    const others = blocks.filter((block) => !console.includes(block)).flatMap(({ lines }) => lines);
    const makefile = readFileSync(join(ROOT, 'Makefile'), 'utf8');
    expect(others.length).toBeGreaterThan(0);
    for (const line of others) {
      const target = /^make ([a-z]+)\b/.exec(line)?.[1] ?? `(no target in "${line}")`;
      expect(makefile).toMatch(new RegExp(`^${target}:`, 'm'));
    }
    expect(examples.length).toBeGreaterThan(10);
    expect(readme.match(/^\$ /gm)).toHaveLength(examples.length);
  });

  test.each(examples.map((example, index) => [index + 1, example.command, example] as const))(
    '%i: %s',
    (_index, _command, { command, expected }) => {
      const { status, stdout, stderr } = run(command, home.path);
      expect(stdout, stderr).toMatch(patternOf(expected));
      expect(status, stderr).toBe(0);
    },
  );

  test('leave nothing behind', () => home.expectNothingLeft());

  test('in the text end well too', () => {
    const inText = readme.replaceAll(/^```[\s\S]*?^```$/gm, '').matchAll(/`(\.\/banger [^`]+)`/g);
    const commands = [...inText].map(([, command = '']) => command);
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) {
      const { status, stdout, stderr } = run(command, home.path);
      expect({ command, status }, stderr).toEqual({ command, status: 0 });
      expect(stdout).not.toBe('');
    }
  });
});

describe('the links of README and docs', () => {
  const documents = ['README.md', 'bench/README.md', 'guest/PROTOCOL.md'].concat(
    readdirSync(join(ROOT, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  );

  test.each(documents)('of %s lead somewhere', (document) => {
    const text = readFileSync(join(ROOT, document), 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path);
      expect(existsSync(file), `${document} links to ${target}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(readFileSync(file, 'utf8'))).toContain(anchor);
    }
  });

  test('of the README name every document', () => {
    for (const document of documents.slice(1)) expect(readme).toContain(`(${document})`);
  });
});

/** Anchors of headings, as forges make them: small letters, blanks as hyphens, nothing else but letters and digits. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );
}
