import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeDaemon } from '../../fake-daemon.suite.ts';
import { fakeMachine, run } from '../../fake-machine.suite.ts';

let root: string;
let daemon: FakeDaemon;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-export-'));
  daemon = new FakeDaemon();
  daemon.bundle = async function* () {
    yield Buffer.from('bun');
    yield Buffer.from('dle');
  };
});
afterEach(() => rmSync(root, { recursive: true }));

const sha256 = createHash('sha256').update('bundle').digest('hex');
const machine = () => ({ ...fakeMachine({ client: daemon }), cwd: root });

test.each([
  ['image export app', `app-${sha256.slice(0, 12)}.tar.zst`],
  ['image export app --to .', `app-${sha256.slice(0, 12)}.tar.zst`],
  ['image export app --to mine', 'mine'],
])('%s', async (line, name) => {
  writeFileSync(join(root, 'mine'), 'what was there before');
  expect(await run(line, machine())).toEqual({ status: 0, out: `${join(root, name)}\n`, err: '' });
  expect(daemon.paramsOf('image.export')).toEqual({ image: 'app' });
  expect(readFileSync(join(root, name), 'utf8')).toBe('bundle');
  expect(readdirSync(root).toSorted()).toEqual([...new Set(['mine', name])].toSorted());
});

test('tells where, how long and by which hash', async () => {
  expect(JSON.parse((await run('image export app --to a --json', machine())).out)).toEqual({
    ...{ image: 'app', file: join(root, 'a'), bytes: 6, sha256 },
  });
});

test('goes to standard output, but to no terminal', async () => {
  expect(await run('image export app --to -', machine())).toEqual({ status: 0, out: 'bundle', err: '' });
  const terminal = { ...fakeMachine({ client: daemon, terminals: ['stdout'] }), cwd: root };
  expect(await run('image export app --to -', terminal)).toMatchObject({ status: 2, out: '' });
  expect(readdirSync(root)).toEqual([]);
});

test('one that breaks leaves what was there, and nothing of its own', async () => {
  daemon.bundle = async function* () {
    yield Buffer.from('bun');
    throw new BangerError('image_invalid', 'It is damaged.');
  };
  writeFileSync(join(root, 'mine'), 'before');
  expect(await run('image export app --to mine', machine())).toMatchObject({
    ...{ status: 1, out: '' },
    err: expect.stringContaining('error[image_invalid]'),
  });
  expect(readdirSync(root)).toEqual(['mine']);
  expect(readFileSync(join(root, 'mine'), 'utf8')).toBe('before');
});

test('a directory that is not there is told', async () => {
  expect(await run('image export app --to no/such', machine())).toMatchObject({
    ...{ status: 1, err: expect.stringContaining('error[copy_failed]') },
  });
});
