/** Where something stands in the file; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What of TOML can be open over several lines, or was meant to be closed. */
export interface OpenValue extends Position {
  readonly what: 'array' | 'inline table';
}

/** A string with its quotes, as far as it goes: those of several lines first. A comment. */
const PASSED_OVER = /"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:[^"\\\n]|\\.)*"?|'[^'\n]*'?|#.*/y;

/**
 * The array or inline table that is open where a reader of TOML stumbled, the innermost of several; undefined when there is none. One that
 * somebody forgot to close is found out lines later only, and what is told of that place tells nothing.
 */
export function openValueAt(text: string, { line, column }: Position): OpenValue | undefined {
  const open: OpenValue[] = [];
  /** Behind an equals sign: before it, brackets are those of a table's head. */
  let inValue = false;
  let at = 0;
  let [atLine, lineStart] = [1, 0];
  while (at < text.length && (atLine < line || (atLine === line && at - lineStart + 1 < column))) {
    PASSED_OVER.lastIndex = at;
    const passed = PASSED_OVER.exec(text)?.[0] ?? text.charAt(at);
    if (passed === '[' && inValue) open.push({ what: 'array', line: atLine, column: at - lineStart + 1 });
    else if (passed === '{' && inValue)
      open.push({ what: 'inline table', line: atLine, column: at - lineStart + 1 });
    else if (passed === ']' || passed === '}') open.pop();
    else if (passed === '=') inValue = true;
    else if (passed === '\n' && open.length === 0) inValue = false;
    at += passed.length;
    const newLine = text.lastIndexOf('\n', at - 1);
    if (newLine >= lineStart) {
      atLine += passed.split('\n').length - 1;
      lineStart = newLine + 1;
    }
  }
  return open.at(-1);
}
