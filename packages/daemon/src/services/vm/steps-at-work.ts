import type { VmStep } from '@banger/contract/vm';
import type { Logger } from 'pino';
import type { RunOptions } from '../../domain/steps.ts';
import type { Clock } from '../../host/clock.ts';
import { tell } from '../operation.ts';

/** The steps of one procedure, as far as it has come, and what `runSteps` needs to record them. */
export interface StepsTaken extends Pick<RunOptions, 'observer' | 'monotonic'> {
  /** Those that are over, for the VM's row. */
  readonly steps: readonly VmStep[];
  /** From now on the row tells of them. */
  close(): void;
}

/** The steps of what is at work on VMs. They are in no row before the end: `vm show` has them from here, and no step waits for a disk. */
export class StepsAtWork {
  readonly #atWork = new Map<string, () => VmStep[]>();
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #log: Logger;

  constructor(clock: Pick<Clock, 'monotonic'>, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The steps so far of what is at work on a VM, those under way as `running`; undefined when nothing is. */
  of(id: string): VmStep[] | undefined {
    return this.#atWork.get(id)?.();
  }

  /** Begins a procedure on a VM, whose lock the caller holds: each step is recorded, told to the client, and its time written to the log. */
  begin(id: string): StepsTaken {
    const steps: VmStep[] = [];
    const underWay = new Map<string, number>();
    const monotonic = (): number => this.#clock.monotonic();
    const all = (): VmStep[] => [
      ...steps,
      ...[...underWay].map(([name, since]) => ({
        ...{ name, ms: rounded(monotonic() - since), outcome: 'running' as const },
      })),
    ];
    this.#atWork.set(id, all);
    return {
      steps,
      monotonic,
      observer: {
        started: ({ name }) => void underWay.set(name, monotonic()),
        atWork: ({ title }) => tell({ stage: title }),
        ended: ({ title }, report, wasAtWork) => {
          underWay.delete(report.name);
          const step = { ...report, ms: rounded(report.ms) };
          steps.push(step);
          this.#log.info({ vm: id, step: step.name, ms: step.ms, outcome: step.outcome }, 'vm step');
          if (wasAtWork) tell({ stage: title, ms: report.ms });
        },
      },
      close: () => {
        if (this.#atWork.get(id) === all) this.#atWork.delete(id);
      },
    };
  }
}

/** A tenth of a millisecond is all that is worth keeping. */
function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
