import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
/** The answer lists every module and dependency: some 300 KB for 300 modules. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** One import that a rule forbids. */
export interface Violation {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
}

/** What the checker saw and what it found. */
export interface ImportReport {
  /** Names of all rules. */
  readonly rules: readonly string[];
  /** Files that were read as modules, relative to the tree. */
  readonly modules: readonly string[];
  readonly violations: readonly Violation[];
}

/** The part of dependency-cruiser's JSON answer that is used (its `cruise-result` schema). */
interface CruiseResult {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly rule: { readonly name: string };
      readonly from: string;
      readonly to: string;
    }[];
    readonly ruleSetUsed: { readonly forbidden: readonly { readonly name: string }[] };
  };
}

/** Checks folders of the tree at `cwd` against the rules of `.dependency-cruiser.cjs`. */
export async function cruiseImports(cwd: string, folders: readonly string[]): Promise<ImportReport> {
  const program = join(ROOT, 'node_modules/.bin/depcruise');
  const options = ['--config', join(ROOT, '.dependency-cruiser.cjs'), '--output-type', 'json'];
  const argv = [program, ...options, ...folders];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd, maxBuffer: MAX_ANSWER_BYTES });
  const result = JSON.parse(stdout) as CruiseResult;
  return {
    rules: result.summary.ruleSetUsed.forbidden.map((rule) => rule.name),
    modules: result.modules.map((module) => module.source),
    violations: result.summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })),
  };
}
