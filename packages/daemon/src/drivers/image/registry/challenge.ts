/** What a server asks for: how to log in, and where. */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case; of a name that comes twice, the first. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longer than any registry sends, with a scope for some dozens of repositories. */
const MOST_CHARACTERS = 8 * 1024;
const MOST_CHALLENGES = 8;

/** A token of RFC 9110, 5.6.2. */
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
/** A quoted string, 5.6.4: anything but controls, with `\` before what would end it. */
const QUOTED = /"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"/y;
/** What some schemes have in place of parameters, 11.2; it ends a challenge. */
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const SPACE = /[ \t]*/y;
const BETWEEN = /[ \t,]*/y;
const EQUALS = /[ \t]*=[ \t]*/y;

/**
 * Reads `WWW-Authenticate` (RFC 9110, 11.6.1): several challenges, in one line or many, each with parameters that are split by
 * the same commas. What is not of that form ends the reading of its line; what came before it counts.
 */
export function readChallenges(value: string | readonly string[] | undefined): readonly Challenge[] {
  const lines = typeof value === 'string' ? [value] : (value ?? []);
  return lines
    .flatMap((line) => (line.length > MOST_CHARACTERS ? [] : readLine(line)))
    .slice(0, MOST_CHALLENGES);
}

function readLine(line: string): Challenge[] {
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  for (take(BETWEEN); at < line.length && found.length <= MOST_CHALLENGES; take(BETWEEN)) {
    const name = take(TOKEN)?.[0].toLowerCase();
    if (name === undefined) break;
    const last = found.at(-1);
    // `name =` goes on with the challenge before; a scheme is followed by a space, a comma or the end.
    if (last !== undefined && take(EQUALS) !== null) {
      const [whole, quoted] = take(QUOTED) ?? take(TOKEN) ?? [];
      if (whole === undefined) break;
      const text = quoted?.replaceAll(/\\(.)/gs, '$1') ?? whole;
      if (!last.parameters.has(name)) last.parameters.set(name, text);
      continue;
    }
    found.push({ scheme: name, parameters: new Map() });
    take(SPACE);
    take(TOKEN68);
  }
  return found;
}
