import { BangerError } from '@banger/contract/error';
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

  /** It is not one that only looks, or works in the guest. */
  get changes(): boolean {
    const { ends = false, starts = false } = verbOf(this.verb);
    return ends || starts;
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
      this.outcome = { ok: false, code: error instanceof BangerError ? error.code : 'no code', error };
    }
  }

  /** Another call on that VM has begun. */
  meets(later: RacingCall): void {
    this.#isAmong(later);
    if (verbOf(later.verb).ends === true) this.preempted = true;
    if (verbOf(later.verb).starts === true) this.startedAfter = true;
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
    if (outcome.ok && verb.ends === true && !this.startedAfter && UP.has(now))
      return `${told}: nobody has started it since.`;
    if (this.disturbed || this.vmEnded) return undefined;
    const [before] = this.seen;
    const after = before === undefined ? undefined : verb.from[before];
    if (outcome.ok && now !== after) return `${told}: it should be ${JSON.stringify(after)}.`;
    if (!outcome.ok && outcome.code !== 'cancelled' && now !== before)
      return `${told}: a refusal changes nothing.`;
    if (!outcome.ok && verb.starts === true && UP.has(now) && now !== before)
      return `${told}: a start that was cancelled is undone.`;
    return undefined;
  }

  #isAmong({ changes }: RacingCall): void {
    if (!changes) return;
    this.disturbed = true;
    if (verbOf(this.verb).inGuest === true) this.vmEnded = true;
  }

  #maySucceed(): boolean {
    return [...this.seen].some((state) => typeof verbOf(this.verb).from[state] === 'string');
  }

  #mayEndWith(code: string): boolean {
    const { from, starts = false, whenVmEnds = [] } = verbOf(this.verb);
    if (code === 'cancelled') return this.controller.signal.aborted || (this.preempted && starts);
    if (this.vmEnded && (whenVmEnds as readonly string[]).includes(code)) return true;
    return [...this.seen].some((state) => {
      const result = from[state];
      return typeof result === 'object' && result.refused === code;
    });
  }
}
