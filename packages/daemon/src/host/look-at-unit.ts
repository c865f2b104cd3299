import { readFile } from 'node:fs/promises';
import type { ServiceUnit } from '../domain/service-unit.ts';
import type { Runner } from './runner.ts';

/** Of a manager that is there an answer comes in milliseconds. */
const ANSWER_MS = 3_000;

/** How this process stands with a service manager. */
export function lookAtUnit(runner: Pick<Runner, 'run'>): {
  cgroup(): Promise<string>;
  killMode(unit: ServiceUnit): Promise<string | undefined>;
} {
  return {
    cgroup: () => readFile('/proc/self/cgroup', 'utf8'),
    killMode: async ({ name, manager }) => {
      try {
        const whose = manager === 'user' ? ['--user'] : [];
        const { stdout } = await runner.run(
          ['systemctl', ...whose, 'show', '--property=KillMode', '--value', '--', name],
          { timeoutMs: ANSWER_MS },
        );
        return stdout.trim() === '' ? undefined : stdout.trim();
      } catch {
        // No manager, or none that tells us.
        return undefined;
      }
    },
  };
}
