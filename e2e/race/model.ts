/** What a VM's name may stand for when nobody is at work on it. */
export type Rest = 'absent' | 'stopped' | 'running';

/** A command that was at one VM, and what it came to. */
export interface Done<Verb extends string> {
  readonly verb: Verb;
  /** It did its work; one that was refused or given up may have done any part of it, but for what its verb says. */
  readonly ok: boolean;
  /** Milliseconds of one clock. */
  readonly begun: number;
  readonly ended: number;
}

/** What a verb leads to that did its work: from each state in which it can, those in which the VM may be after it. */
export type Effects = Readonly<Partial<Record<Rest, readonly Rest[]>>>;

/** What a verb means. */
export interface Meaning {
  readonly does: Effects;
  /** Where a refused or cancelled one may leave the VM besides where it was. */
  readonly mayLeave?: readonly Rest[];
}

/**
 * Where a VM may be after what several clients did to it, each one command after another: in every order in which each command takes
 * effect at once, at some moment between its beginning and its end. Empty when there is no such order.
 */
export function restsAfter<Verb extends string>(
  clients: readonly (readonly Done<Verb>[])[],
  meanings: Readonly<Record<Verb, Meaning>>,
  from: Rest,
): ReadonlySet<Rest> {
  const ends = new Set<Rest>();
  const seen = new Set<string>();
  const visit = (at: readonly number[], state: Rest): void => {
    const key = `${at.join()} ${state}`;
    if (seen.has(key)) return;
    seen.add(key);
    const nexts = clients.map((commands, client) => commands[at[client] ?? 0]);
    if (nexts.every((next) => next === undefined)) ends.add(state);
    for (const [client, next] of nexts.entries()) {
      // What ended before this began took effect before it.
      if (next === undefined || nexts.some((other) => other !== undefined && other.ended < next.begun))
        continue;
      const { does, mayLeave = [] } = meanings[next.verb];
      const after = next.ok ? (does[state] ?? []) : [state, ...mayLeave];
      for (const rest of after) visit(at.with(client, (at[client] ?? 0) + 1), rest);
    }
  };
  visit(
    clients.map(() => 0),
    from,
  );
  return ends;
}
