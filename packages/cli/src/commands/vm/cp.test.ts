import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import type { TreeRecord } from '@banger/contract/tree-record';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeDaemon } from '../../fake-daemon.suite.ts';
import { fakeMachine, run, settle, until } from '../../fake-machine.suite.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-cp-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const entry = { name: '', mode: 0o644, mtimeNs: 0n, size: 5 };
const end: TreeRecord = { kind: 'end' };
const fileRecords = (name: string): TreeRecord[] => [
  { kind: 'file', ...entry, name },
  { kind: 'content', bytes: Buffer.from('hello') },
  end,
];

/** A daemon whose guest has these records. */
function having(...records: readonly TreeRecord[]): FakeDaemon {
  const daemon = new FakeDaemon();
  daemon.tree = async function* () {
    yield* records;
  };
  return daemon;
}

describe('vm cp into a VM', () => {
  test('sends a file under its name', async () => {
    writeFileSync(join(root, 'f'), 'hello');
    const daemon = new FakeDaemon();
    const ran = await run(['vm', 'cp', join(root, 'f'), 'box:'], fakeMachine({ client: daemon }));
    expect(ran).toEqual({ status: 0, out: 'copied 1 file (5 B)\n', err: '' });
    expect(daemon.paramsOf('vm.copyIn')).toEqual({ vm: 'box', path: '/root', name: 'f', into: false });
    expect(daemon.records.map(({ kind }) => kind)).toEqual(['file', 'content', 'end']);
  });

  test.each([
    ['d', 'box:/x', { path: '/x', name: 'd' }],
    ['d/', 'box:x', { path: '/root/x', name: 'd' }],
    ['d/.', 'box:/x/', { path: '/x/' }],
    ['d/../d/..', 'box:', { path: '/root' }],
  ])('%s to %s', async (source, target, params) => {
    mkdirSync(join(root, 'd'));
    const daemon = new FakeDaemon();
    const machine = { ...fakeMachine({ client: daemon }), cwd: root };
    expect((await run(['vm', 'copy', source, target], machine)).status).toBe(0);
    expect(daemon.paramsOf('vm.copyIn')).toEqual({ vm: 'box', into: false, ...params });
  });

  test('sends several into a directory, each as a copy of its own', async () => {
    for (const name of ['a', 'b:c']) writeFileSync(join(root, name), name);
    const daemon = new FakeDaemon();
    const machine = { ...fakeMachine({ client: daemon }), cwd: root };
    const ran = await run('vm cp --json a ./b:c box:/tmp', machine);
    expect(daemon.calls.map(({ params }) => params)).toEqual(
      ['a', 'b:c'].map((name) => ({ vm: 'box', path: '/tmp', name, into: true })),
    );
    expect(JSON.parse(ran.out)).toEqual({
      ...{ files: 2, directories: 0, links: 0, bytes: 4 },
      ...{ skipped: 0, skips: [] },
    });
  });

  test('sends standard input as a file', async () => {
    const daemon = new FakeDaemon();
    const machine = fakeMachine({ client: daemon });
    machine.stdin.end(Buffer.alloc(100_000));
    expect((await run('vm cp - box:/tmp/x', machine)).status).toBe(0);
    expect(daemon.paramsOf('vm.copyIn')).toEqual({ vm: 'box', path: '/tmp/x', into: false });
    const sent = daemon.records.map((record) => (record.kind === 'content' ? record.bytes.length : 0));
    expect(sent.reduce((sum, each) => sum + each)).toBe(100_000);
    expect(Math.max(...sent)).toBeLessThanOrEqual(65_536);
  });

  test('tells what is wrong with the source before the VM is asked', async () => {
    const daemon = new FakeDaemon();
    const ran = await run(['vm', 'cp', join(root, 'no'), 'box:'], fakeMachine({ client: daemon }));
    expect(ran).toMatchObject({ status: 1, err: expect.stringContaining('error[copy_failed]') });
    expect(daemon.calls).toEqual([]);
  });

  test('names what it leaves out', async () => {
    mkdirSync(join(root, 'd'));
    symlinkSync('x', join(root, 'd/l'));
    const daemon = new FakeDaemon();
    daemon.onRecord = (record) => {
      if (record.kind === 'end') throw new BangerError('guest_failed', 'No room.');
    };
    const ran = await run(['vm', 'cp', join(root, 'd'), 'box:/x'], fakeMachine({ client: daemon }));
    expect(ran.status).toBe(1);
    expect(ran.err).toContain('warning: box:/x may hold a part of the copy');
    expect(ran.err).toContain('error[guest_failed]: No room.');
  });

  test('that is interrupted says so, and what may be left', async () => {
    mkdirSync(join(root, 'd'));
    writeFileSync(join(root, 'd/f'), 'x');
    const daemon = new FakeDaemon();
    let held = false;
    const released = Promise.withResolvers<void>();
    daemon.onRecord = async (record) => {
      if (record.kind !== 'content') return;
      held = true;
      await released.promise;
    };
    const machine = fakeMachine({ client: daemon });
    const ran = run(['vm', 'cp', join(root, 'd'), 'box:/x'], machine);
    await until(() => held);
    machine.kill('SIGINT');
    released.resolve();
    await settle();
    expect(await ran).toMatchObject({ status: 130, err: expect.stringContaining('may hold a part') });
    expect(daemon.records).toHaveLength(3);
  });
});

describe('vm cp out of a VM', () => {
  test('makes a file here', async () => {
    const daemon = having(...fileRecords(''));
    const ran = await run(['vm', 'cp', 'box:/etc/x', root], fakeMachine({ client: daemon }));
    expect(ran).toMatchObject({ status: 0, err: '' });
    expect(daemon.paramsOf('vm.copyOut')).toEqual({ vm: 'box', path: '/etc/x', follow: false });
    expect(readFileSync(join(root, 'x'), 'latin1')).toBe('hello');
  });

  test('gives standard output the content and nothing else', async () => {
    const daemon = having(...fileRecords(''));
    const ran = await run('vm cp box:x -', fakeMachine({ client: daemon }));
    expect(ran).toEqual({ status: 0, out: 'hello', err: '' });
    expect(daemon.paramsOf('vm.copyOut')).toEqual({ vm: 'box', path: '/root/x', follow: true });
    const tree = await run(
      'vm cp box:x -',
      fakeMachine({ client: having({ kind: 'directory', ...entry }, end) }),
    );
    expect(tree).toMatchObject({ status: 1, out: '', err: expect.stringContaining('is no file') });
  });

  test('names what was left out, as far as a person reads, and fails for what could not be read', async () => {
    const skip = (reason: 'special' | 'unreadable', name: string): TreeRecord => ({
      ...{ kind: 'skip', reason, name, text: 'why' },
    });
    const special = having({ kind: 'directory', ...entry }, skip('special', 'p\u001b[1m'), end);
    const well = await run(['vm', 'cp', 'box:d', join(root, 'a')], fakeMachine({ client: special }));
    expect(well.status).toBe(0);
    expect(well.err).toBe('warning: not copied: box:d/p\\x1b[1m: why\n');
    const many = Array.from({ length: 10_000 }, () => skip('unreadable', 'u'));
    const daemon = having({ kind: 'directory', ...entry }, ...many, ...fileRecords('f'), end);
    const badly = await run(['vm', 'cp', 'box:d', join(root, 'b')], fakeMachine({ client: daemon }));
    expect(badly.status).toBe(1);
    expect(badly.err.split('\n').length).toBeLessThan(30);
    expect(badly.err).toContain('10000 could not be read');
    expect(readdirSync(join(root, 'b'))).toEqual(['f']);
  });

  test('that breaks leaves no half file', async () => {
    const daemon = new FakeDaemon();
    daemon.tree = async function* () {
      yield { kind: 'directory', ...entry };
      yield* fileRecords('whole');
      yield* fileRecords('half').slice(0, 2);
      throw new BangerError('agent_lost', 'Gone.');
    };
    const ran = await run(['vm', 'cp', 'box:d', join(root, 'd')], fakeMachine({ client: daemon }));
    expect(ran.status).toBe(1);
    expect(ran.err).toContain('may hold a part of the copy');
    expect(readdirSync(join(root, 'd'))).toEqual(['whole']);
  });

  test('tells how far a long one is', async () => {
    const daemon = new FakeDaemon();
    const machine = fakeMachine({ client: daemon });
    daemon.tree = async function* () {
      for (const record of fileRecords('')) {
        machine.clock.advance(1_500);
        yield record;
      }
    };
    const ran = await run(['vm', 'cp', '--json', 'box:f', root], machine);
    const events = ran.err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(events).toContainEqual({
      progress: expect.objectContaining({ stage: 'Copying box:f', unit: 'bytes', done: 5, total: 5 }),
    });
  });
});

describe('vm cp', () => {
  test.each([
    ['vm cp', 'missing'],
    ['vm cp a', 'a source and a target'],
    ['vm cp a b', 'One side'],
    ['vm cp a:b c:d', 'One side'],
    ['vm cp a:b c d', 'One side'],
    ['vm cp :b c', 'names no VM'],
    ['vm cp - x a:b', 'alone'],
    ['vm cp a:b a:c -', 'alone'],
  ])('%s is no copy', async (line, complaint) => {
    expect(await run(line, fakeMachine())).toMatchObject({
      status: 2,
      err: expect.stringMatching(new RegExp(complaint, 'i')),
    });
  });
});
