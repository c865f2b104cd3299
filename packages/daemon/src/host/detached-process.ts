import { spawn, type ChildProcess, type SpawnOptions as NodeSpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { ChildEnvironment } from './child-environment.ts';
import { failure } from './program-failure.ts';
import type { SpawnedProcess, SpawnOptions } from './runner.ts';

/**
 * Starts a program in a session of its own (setsid(2)). Its stdout and stderr are a file, never a pipe: a pipe would end
 * it with SIGPIPE once we are gone. It does not keep our event loop alive.
 */
export async function spawnDetached(
  argv: readonly [string, ...string[]],
  options: SpawnOptions,
  env: ChildEnvironment,
): Promise<SpawnedProcess> {
  const [program, ...args] = argv;
  const log = options.logFile === undefined ? undefined : await openLog(options.logFile);
  try {
    const output = log?.fd ?? 'ignore';
    const child = await start(program, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env,
      detached: true,
      stdio: ['ignore', output, output],
    }).catch(async (cause: unknown) => {
      throw await failure(
        argv,
        options,
        { isCanceled: false, timedOut: false, isMaxBuffer: false, cause },
        env.PATH,
      );
    });
    const exited = new Promise<Awaited<SpawnedProcess['exited']>>((resolve) => {
      child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    });
    // Only a failing kill(2) can still come here, and whether the process ended is told by `exited`.
    child.on('error', () => undefined);
    const { pid } = child;
    if (pid === undefined) throw new BangerError('internal', `${program} was started without a process id.`);
    child.unref();
    return { pid, exited, kill: (signal) => void child.kill(signal) };
  } finally {
    await log?.close();
  }
}

function openLog(path: string) {
  return open(
    path,
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
    0o600,
  );
}

/** The kernel's refusal comes thrown or as an event, whichever errno it is. */
async function start(
  program: string,
  args: readonly string[],
  options: NodeSpawnOptions,
): Promise<ChildProcess> {
  const child = spawn(program, args, options);
  await once(child, 'spawn');
  return child;
}
