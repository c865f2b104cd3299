import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeCpio, type CpioEntry } from './cpio.ts';

interface Read {
  readonly name: string;
  readonly mode: number;
  readonly rdev: readonly [number, number];
  readonly content: string;
}

/** A reader of its own, from the kernel's description of the format. */
function readCpio(bytes: Buffer): Read[] {
  const entries: Read[] = [];
  for (let at = 0; ;) {
    expect(at % 4).toBe(0);
    expect(bytes.toString('latin1', at, at + 6)).toBe('070701');
    const field = (index: number): number =>
      Number.parseInt(bytes.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const nameEnd = at + 110 + field(11);
    const name = bytes.toString('utf8', at + 110, nameEnd - 1);
    expect(bytes[nameEnd - 1]).toBe(0);
    const start = Math.ceil(nameEnd / 4) * 4;
    const end = start + field(6);
    if (name === 'TRAILER!!!') {
      expect(Math.ceil(end / 4) * 4).toBe(bytes.length);
      return entries;
    }
    expect([field(2), field(3), field(5)]).toEqual([0, 0, 0]);
    entries.push({
      name,
      mode: field(1),
      rdev: [field(9), field(10)],
      content: bytes.toString('latin1', start, end),
    });
    at = Math.ceil(end / 4) * 4;
  }
}

test('directories, files and devices come out as they went in, and the same every time', () => {
  const entry = fc.oneof(
    fc.record({
      kind: fc.constant('file' as const),
      name: fc.stringMatching(/^[a-z/._-]{1,30}$/),
      mode: fc.nat(0o7777),
      content: fc.uint8Array({ maxLength: 50 }),
    }),
    fc.record({
      kind: fc.constant('directory' as const),
      name: fc.stringMatching(/^[a-zäß]{1,9}$/),
      mode: fc.nat(0o777),
    }),
    fc.record({
      kind: fc.constant('character-device' as const),
      name: fc.stringMatching(/^[a-z]{1,9}$/),
      mode: fc.nat(0o777),
      major: fc.nat(255),
      minor: fc.nat(255),
    }),
  );
  const types = { file: 0o100000, directory: 0o040000, 'character-device': 0o020000 };
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 8 }), (entries: CpioEntry[]) => {
      const archive = writeCpio(entries);
      expect(readCpio(archive)).toEqual(
        entries.map((each) => ({
          name: each.name,
          mode: types[each.kind] | each.mode,
          rdev: each.kind === 'character-device' ? [each.major, each.minor] : [0, 0],
          content: each.kind === 'file' ? Buffer.from(each.content).toString('latin1') : '',
        })),
      );
      expect(writeCpio(entries).equals(archive)).toBe(true);
    }),
  );
});
