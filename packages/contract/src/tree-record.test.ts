import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_TREE_DEPTH, TreeReader, encodeRecord, type TreeRecord } from './tree-record.ts';

const entry = (name: string) => ({ name, mode: 0o644, mtimeNs: -1_500_000_001n, size: 7 });
const directory = (name: string): TreeRecord => ({ kind: 'directory', ...entry(name) });
const file = (name: string): TreeRecord => ({ kind: 'file', ...entry(name) });
const link = (name: string, target = 't'): TreeRecord => ({ kind: 'link', target, ...entry(name) });
const content: TreeRecord = { kind: 'content', bytes: Buffer.from('x') };
const end: TreeRecord = { kind: 'end' };
const skip = (name: string): TreeRecord => ({ kind: 'skip', reason: 'special', name, text: 'a fifo' });

/** The records as they are read, and whether the tree is whole then. */
function read(records: readonly TreeRecord[]): { records: TreeRecord[]; over: boolean } {
  const reader = new TreeReader();
  return { records: records.map((record) => reader.read(encodeRecord(record))), over: reader.over };
}

const refused = expect.objectContaining({ code: 'agent_protocol' });

describe('a tree', () => {
  test('is read as it was written', () => {
    const records = [
      directory(''),
      ...[file('a\n'), content, content, end],
      ...[
        directory('..sub'),
        file('\udcff'),
        content,
        { ...skip(''), reason: 'unreadable' } as TreeRecord,
        end,
      ],
      ...[link('l', '../../etc'), skip('pipe'), end],
    ];
    const back = read(records);
    expect(back.over).toBe(true);
    expect(back.records).toMatchObject(records);
  });

  test('may be a file or a link alone', () => {
    expect(read([file(''), end]).over).toBe(true);
    expect(read([file('')]).over).toBe(false);
    expect(read([link('')]).over).toBe(true);
  });

  test.each([
    ['a root with a name', [file('a')]],
    ['an end of nothing', [end]],
    ['content of no file', [directory(''), content]],
    ['a file in a file', [file(''), file('a')]],
    ['a skip of nothing', [skip('a')]],
    ['a second tree', [link(''), link('')]],
    ['records after the end', [directory(''), end, end]],
    ['too deep a tree', [directory(''), ...Array.from({ length: MAX_TREE_DEPTH }, () => directory('d'))]],
  ])('is not %s', (_name, records) => {
    expect(() => read(records)).toThrow(refused);
  });

  test.each(['', '.', '..', '/', 'a/b', '../a', '/etc', 'a\0b', 'x'.repeat(256)])(
    'has no name like %j in it',
    (name) => {
      for (const one of [directory(name), file(name), link(name)])
        expect(() => read([directory(''), one])).toThrow(refused);
    },
  );

  test.each(['', 'a\0', 'x'.repeat(4096)])('has no link to %j', (target) => {
    expect(() => read([link('', target)])).toThrow(refused);
  });

  test('whatever comes, what is let through is a tree', () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc
        .record({ name: fc.constantFrom('', 'a', '..', 'a/b'), target: fc.constantFrom('t', '') })
        .map(({ name, target }) => encodeRecord(link(name, target)).payload),
    );
    const frames = fc.array(fc.record({ kind: fc.integer({ min: 0, max: 7 }), payload }), { maxLength: 40 });
    fc.assert(
      fc.property(frames, (all) => {
        const reader = new TreeReader();
        let depth = 0;
        let inFile = false;
        for (const frame of all) {
          let record: TreeRecord;
          try {
            record = reader.read(frame);
          } catch (error) {
            expect(error).toMatchObject({ code: 'agent_protocol' });
            return;
          }
          if ('mode' in record) {
            expect(inFile).toBe(false);
            expect(record.name).toMatch(depth === 0 ? /^$/ : /^(?!\.{1,2}$)[^/\0]+$/s);
            expect(record.mode).toBeLessThanOrEqual(0o777);
          }
          if (record.kind === 'directory') depth += 1;
          if (record.kind === 'end' && !inFile) depth -= 1;
          if (record.kind === 'content') expect(inFile).toBe(true);
          inFile = record.kind === 'file' || record.kind === 'content';
          expect(reader.over).toBe(depth === 0 && !inFile);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
