import { BangerError } from '@banger/contract/error';
import type { VmRow } from '../../../domain/vm-row.ts';
import { verbOf, type Seen, type VerbName } from './verbs.suite.ts';

/** What a call came to. */
type Outcome = { readonly ok: true } | { readonly ok: false; readonly code: string; readonly error: Error };

/** States in which a VM has, or is about to have, a VMM. */
const UP: ReadonlySet<Seen> = new Set(['starting', 'running', 'paused']);

/** A client's call at work, and what has happened to its VM meanwhile: so the model knows what it may come to. */
export class RacingCall {
  readonly client: string;
  readonly verb: VerbName;
  readonly vm: string;
  readonly controller = new AbortController();
  /** What its name stood for, from its beginning to now. */
  readonly seen = new Set<Seen>();
  /** The VM was protected. */
  sawProtected = false;
  /** Something else has happened to that VM. */
  disturbed = false;
  /** The VM has ended or rebooted, or is about to. */
  vmEnded = false;
  /** A call that ends VMs began after it. */
  preempted = false;
  /** A call that starts VMs began after it. */
  startedAfter = false;
  /** The VM that its name stood for at its beginning. */
  id: string | undefined;
  outcome: Outcome | undefined;

  constructor(client: string, verb: VerbName, vm: string) {
    this.client = client;
    this.verb = verb;
    this.vm = vm;
  }

  /** What its name stands for now. */
  sees(row: VmRow | undefined): void {
    this.seen.add(row?.state ?? 'absent');
    if (row?.protected === true) this.sawProtected = true;
  }

  /** It is not one that only looks, or works in the guest. */
  get changes(): boolean {
    const { kind } = verbOf(this.verb);
    return kind !== 'looks' && kind !== 'in guest' && kind !== 'elsewhere';
  }

  toString(): string {
    return `${this.client}: ${this.verb} ${this.vm}`;
  }

  async run(work: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    try {
      await work(this.controller.signal);
      this.outcome = { ok: true };
    } catch (thrown) {
      const error = thrown as Error;
      // As the server tells of what ended because its client left.
      const left = this.controller.signal.aborted && error.name === 'AbortError';
      const code = left ? 'cancelled' : error instanceof BangerError ? error.code : 'no code';
      this.outcome = { ok: false, code, error };
    }
  }

  /** Its client leaves, and with it goes what it made for itself. */
  leave(): void {
    if (verbOf(this.verb).endsWhatItMade === true) this.vmEnded = true;
    this.controller.abort();
  }

  /** Another call on that VM has begun. */
  meets(later: RacingCall): void {
    this.#isAmong(later);
    if (verbOf(later.verb).kind === 'ends') this.preempted = true;
    if (verbOf(later.verb).kind === 'starts') this.startedAfter = true;
  }

  /** It has begun while another call on that VM was at work. */
  joins(earlier: RacingCall): void {
    this.#isAmong(earlier);
  }

  /** What is wrong with what it came to; undefined when nothing is. `now` is what its name stands for after it. */
  wrong(now: Seen): string | undefined {
    const { outcome } = this;
    if (outcome === undefined) return undefined;
    const what = outcome.ok ? 'succeeded' : `ended with ${outcome.code} (${outcome.error.stack})`;
    const told = `${this.toString()} ${what}; it saw ${[...this.seen].join(', ')}, now ${now}`;
    if (!(outcome.ok ? this.#maySucceed() : this.#mayEndWith(outcome.code))) return `${told}: not allowed.`;
    const verb = verbOf(this.verb);
    if (outcome.ok && verb.kind === 'ends' && !this.startedAfter && UP.has(now))
      return `${told}: nobody has started it since.`;
    if (this.disturbed || this.vmEnded) return undefined;
    const [before] = this.seen;
    const after = before === undefined ? undefined : verb.from[before];
    if (outcome.ok && this.sawProtected && verb.sparesProtected === true)
      return `${told}: the VM is protected.`;
    if (outcome.ok && now !== after) return `${told}: it should be ${JSON.stringify(after)}.`;
    if (!outcome.ok && outcome.code !== 'cancelled' && now !== before)
      return `${told}: a refusal changes nothing.`;
    if (!outcome.ok && verb.kind === 'starts' && UP.has(now) && now !== before)
      return `${told}: a start that was cancelled is undone.`;
    return undefined;
  }

  #isAmong({ changes, verb }: RacingCall): void {
    if (!changes) return;
    this.disturbed = true;
    if (verbOf(verb).endsWhatItMade === true) this.preempted = true;
    const { kind, endsWhatItMade = false } = verbOf(this.verb);
    if (kind === 'in guest' || endsWhatItMade) this.vmEnded = true;
  }

  #maySucceed(): boolean {
    return [...this.seen].some((state) => typeof verbOf(this.verb).from[state] === 'string');
  }

  #mayEndWith(code: string): boolean {
    const {
      from,
      yields = false,
      whenever = [],
      whenVmEnds = [],
      whenBusy = [],
      sparesProtected,
    } = verbOf(this.verb);
    if (whenever.some((other) => other === code)) return true;
    if (code === 'cancelled') return this.controller.signal.aborted || (this.preempted && yields);
    if (code === 'vm_protected') return this.sawProtected && sparesProtected === true;
    if (this.vmEnded && whenVmEnds.some((other) => other === code)) return true;
    if (this.disturbed && whenBusy.some((other) => other === code)) return true;
    return [...this.seen].some((state) => {
      const result = from[state];
      return typeof result === 'object' && result.refused === code;
    });
  }
}
