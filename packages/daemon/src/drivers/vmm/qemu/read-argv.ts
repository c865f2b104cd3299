/** What the argv of a QEMU that we started says of its VM. The reverse of `argv.ts`. */
export interface ArgvFacts {
  readonly id: string;
  readonly token: string;
  /** File that the guest's console is written to; absolute. */
  readonly consoleLog: string;
}

/** Neither has a comma, and a token has no hyphen: the last one before the first comma ends the id. */
const NAME = /^guest=banger-([^,]+)-([a-z0-9]+),/;
/** Commas of a path are doubled, so that a single one ends it. */
const CONSOLE = /^file,id=console,path=((?:[^,]|,,)*)(?:,(?!,)|$)/;

/** Undefined when it is not the argv of a QEMU of ours. Anybody can choose an argv: whose process it is must be asked besides. */
export function readArgv(argv: readonly string[]): ArgvFacts | undefined {
  const name = NAME.exec(argv[argv.indexOf('-name') + 1] ?? '');
  const [, id, token] = name ?? [];
  if (!argv.includes('-name') || id === undefined || token === undefined) return undefined;
  const path = argv.map((argument) => CONSOLE.exec(argument)?.[1]).find((found) => found !== undefined);
  return { id, token, consoleLog: (path ?? '').replaceAll(',,', ',') };
}
