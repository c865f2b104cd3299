import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BangerError, isBangerError } from '@banger/contract/error';
import type { Runner, RunResult } from '../../host/runner.ts';

/** A package as the machine's package lists describe it. */
export interface AptPackage {
  readonly name: string;
  readonly version: string;
  /** Bytes of the package file. */
  readonly size: number;
  readonly sha256: string;
  /** Names of the packages it depends on, first alternatives only. */
  readonly depends: readonly string[];
}

/** apt-cache's exit code for a package that it does not know. */
const APT_UNKNOWN = 100;
/** Lists and a kernel package are some 50 MB: minutes on a slow line, and apt gives up by itself when nothing comes. */
const DOWNLOAD_TIMEOUT_MS = 30 * 60_000;

/**
 * The package archive that this machine is set up to use, read by apt as the user we are; nothing of the system is
 * changed. apt checks signatures and hashes; what it leaves is hashed once more against the signed list.
 */
export class AptArchive {
  readonly #runner: Runner;
  readonly #signal: AbortSignal;
  readonly #options: readonly string[];

  private constructor(runner: Runner, signal: AbortSignal, options: readonly string[]) {
    this.#runner = runner;
    this.#signal = signal;
    this.#options = options;
  }

  /** With the package lists that the machine has, however old. */
  static installed(runner: Runner, signal: AbortSignal): AptArchive {
    return new AptArchive(runner, signal, []);
  }

  /** With lists fetched now from the machine's own sources into `directory`, a private one. */
  static async fresh(runner: Runner, signal: AbortSignal, directory: string): Promise<AptArchive> {
    const state = join(directory, 'state');
    const cache = join(directory, 'cache');
    for (const path of [join(state, 'lists/partial'), join(cache, 'archives/partial')])
      await mkdir(path, { recursive: true, mode: 0o700 });
    const archive = new AptArchive(runner, signal, [
      `Dir::State=${state}`,
      `Dir::State::Lists=${state}/lists`,
      `Dir::Cache=${cache}`,
    ]);
    await archive.#run('apt-get', ['-q', 'update'], { timeoutMs: DOWNLOAD_TIMEOUT_MS });
    return archive;
  }

  /** Undefined when the lists know no such package. */
  async show(name: string): Promise<AptPackage | undefined> {
    const { stdout, exitCode } = await this.#run('apt-cache', ['show', '--no-all-versions', name], {
      okExitCodes: [0, APT_UNKNOWN],
    });
    return exitCode === 0 ? parsePackage(stdout) : undefined;
  }

  /** Downloads the package into an empty private directory and answers its file; bytes come as progress. */
  async download(
    wanted: AptPackage,
    directory: string,
    onBytes: (done: number, total: number) => void,
  ): Promise<string> {
    let told = 0;
    await this.#run('apt-get', ['-q', 'download', `${wanted.name}=${wanted.version}`], {
      cwd: directory,
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
      onLine: (_stream, line) => {
        const percent = /^dlstatus:\d+:([\d.]+):/.exec(line)?.[1];
        const done = Math.round((wanted.size * Number(percent ?? 0)) / 100);
        if (done > told) onBytes((told = done), wanted.size);
      },
    });
    const [file] = (await readdir(directory)).filter((name) => name.endsWith('.deb'));
    if (file === undefined)
      throw new BangerError('command_failed', `apt-get left no package file of ${wanted.name}.`);
    const path = join(directory, file);
    await this.#verify(wanted, path);
    return path;
  }

  async #verify(wanted: AptPackage, path: string): Promise<void> {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    const found = hash.digest('hex');
    if (found === wanted.sha256 && (await stat(path)).size === wanted.size) return;
    throw new BangerError('command_failed', `The package ${wanted.name} is not what its signed list says.`, {
      hint: 'Run the command again; if it fails again, the package mirror is damaged.',
      details: { expected: wanted.sha256, found },
    });
  }

  async #run(
    program: 'apt-get' | 'apt-cache',
    args: readonly string[],
    options: Omit<Parameters<Runner['run']>[1] & object, 'signal' | 'env'>,
  ): Promise<RunResult> {
    // Root's apt would hand the download to the user _apt, who cannot enter a private directory.
    const settings = [
      'APT::Sandbox::User=root',
      'APT::Status-Fd=1',
      'Acquire::Languages=none',
      ...this.#options,
    ];
    const argv = [program, ...settings.flatMap((setting) => ['-o', setting]), ...args] as const;
    try {
      return await this.#runner.run(argv, { ...options, signal: this.#signal, env: { LC_ALL: 'C' } });
    } catch (error) {
      if (!isBangerError(error, 'missing_tool')) throw error;
      throw new BangerError('missing_tool', 'This machine has no apt to fetch a kernel package with.', {
        cause: error,
        hint: 'Take one with `banger kernel import`, as `banger kernel import my-kernel --from /lib/modules/$(uname -r)`.',
        details: error.details,
      });
    }
  }
}

/** Reads the first stanza of `apt-cache show`. */
export function parsePackage(text: string): AptPackage | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '' && fields.size > 0) break;
    const [, field, value] = /^([A-Za-z0-9-]+): ?(.*)$/.exec(line) ?? [];
    if (field !== undefined && value !== undefined) fields.set(field, value);
  }
  const [name, version, size, sha256] = ['Package', 'Version', 'Size', 'SHA256'].map((field) =>
    fields.get(field),
  );
  if (name === undefined || version === undefined || sha256 === undefined || !/^\d+$/.test(size ?? ''))
    return undefined;
  const depends = (fields.get('Depends') ?? '')
    .split(',')
    .flatMap((item) => /^\s*([a-z0-9+.-]+)/.exec(item)?.[1] ?? []);
  return { name, version, size: Number(size), sha256, depends };
}
