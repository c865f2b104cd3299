import type { DoctorCheck } from '@banger/contract/doctor';
import { toBangerError } from '@banger/contract/error';

/** What a check found. */
export type Finding = Omit<DoctorCheck, 'id' | 'title'>;

/** One question to the host; it reads and changes nothing. */
export interface Check {
  readonly id: string;
  readonly title: string;
  run(): Promise<Finding>;
}

export const pass = (detail: string): Finding => ({ status: 'pass', detail, fix: '' });
export const warn = (detail: string, fix: string): Finding => ({ status: 'warn', detail, fix });
export const fail = (detail: string, fix: string): Finding => ({ status: 'fail', detail, fix });

/** Runs every check, whatever the others find; one that breaks is a failing check and no more. */
export async function runChecks(checks: readonly Check[]): Promise<DoctorCheck[]> {
  return Promise.all(
    checks.map(async ({ id, title, run }) => {
      try {
        return { id, title, ...(await run()) };
      } catch (thrown) {
        return { id, title, ...broken(thrown) };
      }
    }),
  );
}

/** What a check that broke has to say. What the system says of a file is no bug of ours: it leads to that file. */
function broken(thrown: unknown): Finding {
  const { message, hint } = toBangerError(thrown);
  const { path } = thrown as NodeJS.ErrnoException;
  return fail(message, path === undefined ? hint : `ls -ld ${path}`);
}
