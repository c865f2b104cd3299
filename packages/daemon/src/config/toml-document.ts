import { ParseError, parseTOML, type AST } from 'toml-eslint-parser';
import { openValueAt, type Position } from './toml-open.ts';

/** What can be wrong with a file, in the order in which it stands there. */
export interface Problem extends Position {
  /** The key in question; undefined when the file is not TOML. */
  readonly key?: string;
  /** The rest of a sentence about that place, without a full stop. */
  readonly message: string;
}

/** A value as far as a key of ours can have one; of others only the kind is told. */
export type TomlValue =
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'integer'; readonly number: number }
  | { readonly kind: 'boolean'; readonly yes: boolean }
  /** `texts` when it has nothing else. */
  | { readonly kind: 'array'; readonly texts: readonly string[] | undefined }
  | { readonly kind: 'table' | 'tables' | 'float' | 'date' };

/** A value of the file, or the head of a table. */
export interface Entry extends Position {
  readonly path: readonly string[];
  readonly value: TomlValue;
}

/** The file is not TOML. */
export class TomlError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, cause: unknown) {
    super(problem.message, { cause });
    this.problem = problem;
  }
}

/** Reads TOML 1.0 into its values, in the order of the file. Throws `TomlError`. */
export function readToml(text: string): Entry[] {
  let program: AST.TOMLProgram;
  try {
    program = parseTOML(text, { tomlVersion: '1.0' });
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause;
    const place = { line: cause.lineNumber, column: cause.column + 1 };
    const open = openValueAt(text, place);
    const within =
      open === undefined
        ? ''
        : `, in an ${open.what} that begins at ${open.line}:${open.column} and has no end before this`;
    throw new TomlError({ ...place, message: `this is not TOML: ${cause.message}${within}` }, cause);
  }
  return program.body[0].body.flatMap((node) =>
    node.type === 'TOMLTable' ? table(node) : keyValue(node, []),
  );
}

function table(node: AST.TOMLTable): Entry[] {
  const path = names(node.key);
  const kind = node.kind === 'array' ? 'tables' : 'table';
  return [entry(node, path, { kind }), ...node.body.flatMap((each) => keyValue(each, path))];
}

function keyValue({ key, value }: AST.TOMLKeyValue, prefix: readonly string[]): Entry[] {
  const path = [...prefix, ...names(key)];
  if (value.type === 'TOMLArray') return [entry(key, path, { kind: 'array', texts: textsOf(value) })];
  if (value.type === 'TOMLInlineTable') {
    return [entry(key, path, { kind: 'table' }), ...value.body.flatMap((each) => keyValue(each, path))];
  }
  return [entry(key, path, valueOf(value))];
}

function names({ keys }: AST.TOMLKey): string[] {
  return keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value));
}

function valueOf(node: AST.TOMLValue): TomlValue {
  if (node.kind === 'string') return { kind: 'string', text: node.value };
  // Past 2^53 a number is not the one that was written, and past every limit of ours too.
  if (node.kind === 'integer') return { kind: 'integer', number: node.value };
  if (node.kind === 'boolean') return { kind: 'boolean', yes: node.value };
  return { kind: node.kind === 'float' ? 'float' : 'date' };
}

function textsOf({ elements }: AST.TOMLArray): readonly string[] | undefined {
  const texts = elements.flatMap((each) =>
    each.type === 'TOMLValue' && each.kind === 'string' ? [each.value] : [],
  );
  return texts.length === elements.length ? texts : undefined;
}

function entry(node: AST.TOMLNode, path: readonly string[], value: TomlValue): Entry {
  const { line, column } = node.loc.start;
  return { path, value, line, column: column + 1 };
}
