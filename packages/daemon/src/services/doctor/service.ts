import type { DoctorReport } from '@banger/contract/doctor';
import { runChecks } from './check.ts';
import { doctorChecks, type DoctorDeps } from './checks.ts';

/** Examines the host; it reads, and makes and changes nothing. */
export class DoctorService {
  readonly #deps: DoctorDeps;

  constructor(deps: DoctorDeps) {
    this.#deps = deps;
  }

  async run(): Promise<DoctorReport> {
    const checks = await runChecks(doctorChecks(this.#deps));
    return { checks, ok: checks.every((check) => check.status !== 'fail') };
  }
}
