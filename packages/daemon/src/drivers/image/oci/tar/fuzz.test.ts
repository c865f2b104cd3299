import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isBangerError } from '@banger/contract/error';
import { ByteBudget } from '../byte-budget.ts';
import { archive, readAll } from './archive.suite.ts';

const SEED = archive([
  { name: 'dir/', type: '5', mode: 0o755 },
  { name: 'dir/file', content: 'content'.repeat(100), pax: { mtime: '1.5', 'SCHILY.xattr.user.a': 'b' } },
  { name: 'l'.repeat(200), type: '2', link: 'target' },
  { name: 'x', type: 'L', content: 'a long name', magic: 'ustar  \0' },
  { name: 'sparse', content: 'ab', pax: { 'GNU.sparse.size': '9', 'GNU.sparse.map': '1,1,5,1' } },
  {
    name: 'in front',
    content: `${'1\n5\n1\n'.padEnd(512, '\0')}x`,
    pax: { 'GNU.sparse.major': '1', 'GNU.sparse.realsize': '9' },
  },
  {
    name: 'old',
    type: 'S',
    content: 'x',
    magic: 'ustar  \0',
    raw: { 386: '00000000001\x0000000000001\0', 483: '00000000009\0' },
  },
  { name: 'device', type: '3', major: 1, minor: 3 },
]);

/** Changes that keep the checksums of the headers they are in, so that they are not all refused for that. */
function changed(edits: readonly (readonly [number, number])[], end: number): Buffer {
  const bytes = Buffer.from(SEED);
  for (const [at, value] of edits) {
    bytes[at % bytes.length] = value;
    const start = Math.floor((at % bytes.length) / 512) * 512;
    const block = bytes.subarray(start, start + 512);
    if (!block.subarray(257, 262).equals(Buffer.from('ustar'))) continue;
    block.fill(' ', 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  return bytes.subarray(0, bytes.length - (end % bytes.length));
}

it('reads or refuses whatever it is given, alike however it is cut', async () => {
  const edit = fc.tuple(
    fc.nat(SEED.length),
    fc.oneof(fc.constantFrom(0, 0x30, 0x37, 0x39, 0x80, 0xff), fc.nat(255)),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(edit, { maxLength: 6 }),
      fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(SEED.length)),
      fc.integer({ min: 1, max: 2000 }),
      async (edits, end, cut) => {
        const bytes = changed(edits, end);
        const outcome = async (size: number): Promise<unknown> => {
          try {
            return await readAll(bytes, { cut: size, budget: new ByteBudget(2 ** 24) });
          } catch (error) {
            if (!isBangerError(error, 'image_invalid')) throw error;
            return error.message;
          }
        };
        expect(await outcome(cut)).toEqual(await outcome(1e6));
      },
    ),
    { numRuns: 1500 },
  );
}, 60_000);
