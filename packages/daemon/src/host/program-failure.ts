import { BangerError } from '@banger/contract/error';
import { findProgram } from './search-path.ts';

/** Lines of stderr quoted in an error: the reason is nearly always at the end. */
const QUOTED_LINES = 5;
/** Characters of stderr quoted in an error; a progress bar can be one endless line. */
const QUOTED_CHARACTERS = 2_000;

/** How a program ended, or why it could not start. */
export interface ProgramEnd {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly isCanceled: boolean;
  readonly timedOut: boolean;
  readonly isMaxBuffer: boolean;
  readonly stdout?: unknown;
  readonly stderr?: unknown;
  readonly cause?: unknown;
}

/** The error for a program that did not end as wanted: `missing_tool` when it is not on `path`, else `command_failed`. */
export async function failure(
  argv: readonly [string, ...string[]],
  options: { readonly cwd?: string; readonly timeoutMs?: number },
  end: ProgramEnd,
  path: string,
): Promise<BangerError> {
  const [program] = argv;
  const { cause } = end;
  const reason = cause instanceof Error ? cause.message : '';
  if (isNotFound(cause) && (await findProgram(program, path)) === undefined)
    return new BangerError('missing_tool', `The program ${program} is not installed.`, {
      cause,
      details: { program },
    });
  const said = lastLines(typeof end.stderr === 'string' ? end.stderr : '') || reason;
  return new BangerError(
    'command_failed',
    `${program} ${howItEnded(options, end)}${said === '' ? '.' : `: ${said}`}`,
    {
      ...(cause === undefined ? {} : { cause }),
      details: { argv, exitCode: end.exitCode ?? null },
    },
  );
}

/** spawn(3) also answers ENOENT for a missing working directory or interpreter, so the program is looked for again. */
function isNotFound(cause: unknown): boolean {
  return cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ENOENT';
}

function howItEnded(
  options: { readonly cwd?: string; readonly timeoutMs?: number },
  end: ProgramEnd,
): string {
  if (end.timedOut) return `did not end within ${options.timeoutMs} ms`;
  if (end.isMaxBuffer) return 'printed more than can be kept';
  if (end.exitCode !== undefined) return `failed with exit code ${end.exitCode}`;
  if (end.signal !== undefined) return `was ended by ${end.signal}`;
  return options.cwd === undefined ? 'could not be started' : `could not be started in ${options.cwd}`;
}

function lastLines(stderr: string): string {
  return stderr.trim().split('\n').slice(-QUOTED_LINES).join('\n').slice(-QUOTED_CHARACTERS);
}
