import { BangerError } from '@banger/contract/error';
import { rawBytes } from '@banger/contract/raw-text';

/** A quarter of the stack that a process of Linux begins with, 8 MiB: execve(2), "Limits on size of arguments and environment". */
const MAX_TOTAL_BYTES = 2_097_152;
/** MAX_ARG_STRLEN of Linux, 32 pages, without the final NUL. */
const MAX_STRING_BYTES = 131_071;
/** What Linux counts for each string beside its bytes: the final NUL and a pointer. */
const STRING_OVERHEAD = 9;
/** Far past any need; the agent looks each up among those before it. */
const MAX_VARIABLES = 8192;

const hint = 'Pass less as arguments, and more as input or in a file.';

/** Refuses a command that Linux would not start for its size, before anything is started. */
export function checkExecSize(argv: readonly string[], env: readonly string[]): void {
  if (env.length > MAX_VARIABLES) {
    throw new BangerError(
      'invalid_argument',
      `The command has ${env.length} environment variables; at most ${MAX_VARIABLES} can be passed.`,
      { hint },
    );
  }
  const sizes = [...argv, ...env].map((text) => rawBytes(text).length);
  const longest = sizes.reduce((most, size) => Math.max(most, size), 0);
  if (longest > MAX_STRING_BYTES) {
    throw new BangerError(
      'invalid_argument',
      `An argument or variable of the command has ${longest} bytes; Linux takes at most ${MAX_STRING_BYTES} in one.`,
      { hint },
    );
  }
  const total = sizes.reduce((sum, size) => sum + size + STRING_OVERHEAD, 0);
  if (total > MAX_TOTAL_BYTES) {
    throw new BangerError(
      'invalid_argument',
      `The command's ${argv.length} arguments and ${env.length} variables take ${total} bytes; Linux takes at most ` +
        `${MAX_TOTAL_BYTES}, ${STRING_OVERHEAD} counted for each beside its own.`,
      { hint },
    );
  }
}
