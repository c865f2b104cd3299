import { expect, it } from 'vitest';
import { CRC32C_START, crc32c, crc32cOfNumber } from './crc32c.ts';

it('is the CRC-32C of RFC 3720 without its last inversion, for any length and in pieces', () => {
  const inverted = (bytes: Buffer): number => (crc32c(CRC32C_START, bytes) ^ 0xffffffff) >>> 0;
  // RFC 3720, B.4, and the check value of the CRC catalogue.
  expect(inverted(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(inverted(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(inverted(Buffer.from(Array.from({ length: 32 }, (_, at) => at)))).toBe(0x46dd794e);
  expect(inverted(Buffer.from('123456789'))).toBe(0xe3069283);
  const bytes = Buffer.from('The quick brown fox jumps over the lazy dog');
  for (let cut = 0; cut <= bytes.length; cut += 1)
    expect(crc32c(crc32c(CRC32C_START, bytes, 0, cut), bytes, cut)).toBe(crc32c(CRC32C_START, bytes));
  expect(crc32cOfNumber(CRC32C_START, 0x01020304)).toBe(crc32c(CRC32C_START, Buffer.from([4, 3, 2, 1])));
});
