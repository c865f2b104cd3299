import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import type { ExecRequest } from '../driver.ts';
import type { GuestUnderTest } from './harness.ts';
import { useGuest } from './use-guest.suite.ts';

/** Where and as whom a command runs, as far as an agent needs files for it. */
export function describeExecPlace(name: string, start: (directory: string) => Promise<GuestUnderTest>): void {
  describe(`guest contract: place and user of a command of ${name}`, () => {
    const used = useGuest(start);

    async function outputOf(request: Partial<ExecRequest>): Promise<string> {
      const exec = await used.session.exec({ argv: ['/bin/sh', '-c', 'pwd; id -g'], ...request });
      exec.stderr.resume();
      const [stdout] = await Promise.all([text(exec.stdout), exec.exit]);
      return stdout;
    }

    test('a directory that is not there is told, and not made', async () => {
      const cwd = join(used.directory, 'not', 'there');
      await expect(outputOf({ cwd })).rejects.toMatchObject({
        code: 'guest_failed',
        message: expect.stringContaining('No such file or directory'),
        details: { errno: 'ENOENT' },
      });
      expect(existsSync(cwd)).toBe(false);
    });

    test('one that is to be made is made, with those above it', async () => {
      const cwd = join(used.directory, 'a b', 'new');
      expect(await outputOf({ cwd, makeCwd: true })).toContain(`${cwd}\n`);
      expect(await outputOf({ cwd: `${cwd}/`, makeCwd: true })).toContain(`${cwd}\n`);
    });

    test('a file in its place is told', async () => {
      await expect(outputOf({ cwd: '/etc/passwd', makeCwd: true })).rejects.toMatchObject({
        code: 'guest_failed',
        details: { errno: 'ENOTDIR' },
      });
    });

    test.each([
      ['no-such-user-here', 'no such user: no-such-user-here'],
      ['root:no-such-group-here', 'no such group: root:no-such-group-here'],
    ])('%s is told', async (user, message) => {
      await expect(outputOf({ user })).rejects.toMatchObject({
        code: 'invalid_argument',
        message: expect.stringContaining(message),
      });
    });
  });
}
