import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { ExecRequest } from '../driver.ts';
import type { GuestUnderTest } from './harness.ts';
import { runScript } from './harness.ts';
import { programs } from './programs.ts';
import { useGuest } from './use-guest.suite.ts';

/** What every guest takes as arguments and environment: what Linux does, and any bytes. */
export function describeExecSize(name: string, start: (directory: string) => Promise<GuestUnderTest>): void {
  describe(`guest contract: arguments of ${name}`, () => {
    const used = useGuest(start);

    async function outputOf(request: Partial<ExecRequest>): Promise<string> {
      const exec = await runScript(used.session, programs.arguments, request);
      exec.stderr.resume();
      const [stdout] = await Promise.all([text(exec.stdout), exec.exit]);
      return stdout;
    }

    test('180,000 of them arrive', async () => {
      const argv = Array.from({ length: 180_000 }, (_, index) => String(index % 10));
      expect(await outputOf({ argv: ['sh', ...argv] })).toBe(`${argv.join('|')}|`);
    });

    test('one as long as Linux takes arrives, and a longer one is told as too long', async () => {
      const longest = 'x'.repeat(131_071);
      expect(await outputOf({ argv: ['sh', longest] })).toBe(`${longest}|`);
      await expect(outputOf({ argv: ['sh', `${longest}x`] })).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining('Argument list too long'),
        details: { errno: 'E2BIG' },
      });
    });

    test('more than Linux takes is told as such, and harms nothing', async () => {
      const many = Array.from({ length: 230_000 }, () => 'x');
      await expect(outputOf({ argv: ['sh', ...many] })).rejects.toMatchObject({
        code: 'invalid_argument',
        details: { errno: 'E2BIG' },
      });
      expect(await outputOf({ argv: ['sh', 'well'] })).toBe('well|');
    });

    test('bytes that are no UTF-8 arrive', async () => {
      const exec = await runScript(used.session, programs.arguments, {
        argv: ['sh', 'a\udcff', '\udce2\udc82b'],
      });
      exec.stderr.resume();
      const chunks = (await exec.stdout.toArray()) as Buffer[];
      expect(Buffer.concat(chunks).toString('latin1')).toBe('a\xff|\xe2\x82b|');
    });
  });
}
