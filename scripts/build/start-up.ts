import type { Metafile } from 'esbuild';

/** What no command line may load before it knows its command: schemas double its start-up time. */
const NOT_AT_START = /(^|\/)node_modules\/(zod|execa|pino|@clack\/[^/]+)\//;

/** The source modules that a program evaluates before it does anything: its main module and all it imports at once. */
export function modulesAtStart(metafile: Metafile, main: string): readonly string[] {
  if (metafile.inputs[main] === undefined) throw new Error(`${main} is not in the bundle`);
  const reached = new Set<string>();
  const open = [main];
  for (let module = open.pop(); module !== undefined; module = open.pop()) {
    if (reached.has(module)) continue;
    reached.add(module);
    for (const { path, kind, external } of metafile.inputs[module]?.imports ?? []) {
      if (kind !== 'dynamic-import' && external !== true) open.push(path);
    }
  }
  return [...reached];
}

/** Packages among the modules that must not be loaded at start, each once. */
export function packagesTooEarly(modules: readonly string[]): readonly string[] {
  return [...new Set(modules.flatMap((module) => NOT_AT_START.exec(module)?.[2] ?? []))];
}
