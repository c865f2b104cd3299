import { rm } from 'node:fs/promises';
import { BangerError, isBangerError } from '@banger/contract/error';
import { saysDiskFull } from '../../host/disk-full.ts';
import type { RunOptions, Runner, RunResult } from '../../host/runner.ts';

/** Programs and the Debian packages that have them: what makes such a world, and what a plain user needs besides. */
const TOOLS = [
  ['unshare', 'util-linux'],
  ['setpriv', 'util-linux'],
] as const;
const PLAIN_USER_TOOLS = [['newuidmap', 'uidmap']] as const;

/**
 * Runs programs as root of a world of their own: mounts and processes of a build die with it, even when we are killed
 * (PR_SET_PDEATHSIG ends its first process, and the kernel then all others of the PID namespace). A plain user is root
 * there by his sub-ids (user_namespaces(7), subuid(5)): his own files are root's inside, other owners get sub-ids.
 */
export class BuildNamespace {
  readonly #runner: Runner;
  readonly #isRoot: boolean;

  constructor(runner: Runner, uid: number = process.geteuid?.() ?? 0) {
    this.#runner = runner;
    this.#isRoot = uid === 0;
  }

  /** Runs a program in it; rejects as `Runner.run` does, and with `disk_full` when the program said so. */
  async run(argv: readonly [string, ...string[]], options: RunOptions): Promise<RunResult> {
    let isFull = false;
    const onLine: RunOptions['onLine'] = (stream, line) => {
      isFull ||= saysDiskFull(line);
      options.onLine?.(stream, line);
    };
    try {
      return await this.#runner.run(this.#wrap(argv), { ...options, onLine });
    } catch (error) {
      if (!isBangerError(error, 'command_failed')) throw error;
      if (isFull)
        throw new BangerError('disk_full', `There was no room left on the disk for ${argv[0]}.`, {
          cause: error,
        });
      // The name of a wrapper says nothing to anybody.
      const message = error.message.replace(/^(?:setpriv|unshare)\b/, argv[0]);
      throw new BangerError('command_failed', message, { cause: error, details: { ...error.details, argv } });
    }
  }

  /** Rejects with `missing_tool` or `not_supported`, saying how to mend it, when this user cannot have such a world. */
  async check(signal: AbortSignal): Promise<void> {
    for (const [program, debianPackage] of this.#isRoot ? TOOLS : [...TOOLS, ...PLAIN_USER_TOOLS])
      if ((await this.#runner.which(program)) === undefined)
        throw new BangerError('missing_tool', `Building an image needs ${program}, which is not installed.`, {
          hint: `Install it with \`sudo apt-get install ${debianPackage}\`.`,
          details: { program },
        });
    try {
      await this.run(['true'], { signal });
    } catch (error) {
      if (!isBangerError(error, 'command_failed')) throw error;
      throw new BangerError('not_supported', `This user cannot build images here: ${error.message}`, {
        cause: error,
        hint: 'Allow user namespaces and give the user sub-ids, as `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER`.',
      });
    }
  }

  /** Removes a tree whatever ids its files have; nothing there is fine. */
  async remove(path: string): Promise<void> {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (this.#isRoot || (code !== 'EACCES' && code !== 'EPERM' && code !== 'ENOTEMPTY')) throw error;
      await this.run(['rm', '--recursive', '--force', '--one-file-system', '--', path], {});
    }
  }

  #wrap(argv: readonly [string, ...string[]]): readonly [string, ...string[]] {
    // setpriv comes after the user namespace: to enter one clears the signal (prctl(2), PR_SET_PDEATHSIG).
    const user = ['unshare', '--user', '--map-root-user', '--map-auto', '--'] as const;
    const world = ['--mount', '--pid', '--fork', '--kill-child', '--'] as const;
    const rest = ['setpriv', '--pdeathsig', 'KILL', '--', 'unshare', ...world, ...argv] as const;
    return this.#isRoot ? rest : [...user, ...rest];
  }
}
