import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createRunner } from '@banger/daemon/host/execa-runner';
import type { Runner, RunOptions, RunResult } from '@banger/daemon/host/runner';

type Argv = readonly [string, ...string[]];

/**
 * The machine, but its package lists are asked, and a kernel's package comes over the network, only once. After `lighten` apt tells of it, and
 * gives it, without the modules that no guest needs to boot: to read the lists, and to unpack and look through all modules, takes most of a pull.
 */
export class LightPackage implements Runner {
  readonly #runner = createRunner();
  readonly #directory: string;
  /** What apt said when it downloaded. */
  #said: RunResult | undefined;
  /** What apt's lists say, by the package asked for. */
  readonly #listed = new Map<string, RunResult>();
  #light: { readonly file: string; readonly replace: (list: string) => string } | undefined;

  /** `directory` is a private one that is there. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The package as it came. */
  async whole(): Promise<string> {
    const directory = join(this.#directory, 'whole');
    const [file] = await readdir(directory);
    if (file === undefined) throw new Error('No package has been downloaded.');
    return join(directory, file);
  }

  /** From now on the package has no other modules than these; what is in it, as a directory. */
  async lighten(modules: readonly string[]): Promise<string> {
    const whole = await this.whole();
    const tree = join(this.#directory, 'tree');
    await this.#runner.run(['dpkg-deb', '--raw-extract', whole, tree]);
    const kept = new Set(modules);
    for (const entry of await readdir(tree, { recursive: true, withFileTypes: true }))
      if (entry.name.endsWith('.ko') && !kept.has(entry.name)) await rm(join(entry.parentPath, entry.name));
    await mkdir(join(this.#directory, 'light'));
    const file = join(this.#directory, 'light', basename(whole));
    await this.#runner.run(['dpkg-deb', '--build', '-Znone', '--root-owner-group', tree, file]);
    await rm(join(tree, 'DEBIAN'), { recursive: true });
    const [before, after] = await Promise.all([whole, file].map((path) => readFile(path)));
    if (before === undefined || after === undefined) throw new Error('It cannot be read.');
    const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    this.#light = {
      file,
      replace: (list) =>
        list
          .replace(sha256(before), sha256(after))
          .replace(new RegExp(`^Size: ${before.length}$`, 'm'), `Size: ${after.length}`),
    };
    return tree;
  }

  async run(argv: Argv, options: RunOptions = {}): Promise<RunResult> {
    if (argv[0] === 'apt-cache') {
      const name = argv.at(-1) ?? '';
      const result = this.#listed.get(name) ?? (await this.#runner.run(argv, options));
      this.#listed.set(name, result);
      return { ...result, stdout: this.#light?.replace(result.stdout) ?? result.stdout };
    }
    if (!argv.includes('download') || options.cwd === undefined) return this.#runner.run(argv, options);
    return this.#download(argv, options, options.cwd);
  }

  which(program: string): ReturnType<Runner['which']> {
    return this.#runner.which(program);
  }

  spawnDetached(...args: Parameters<Runner['spawnDetached']>): ReturnType<Runner['spawnDetached']> {
    return this.#runner.spawnDetached(...args);
  }

  async #download(argv: Argv, options: RunOptions, cwd: string): Promise<RunResult> {
    if (this.#said === undefined) {
      const said = await this.#runner.run(argv, options);
      const kept = join(this.#directory, 'whole');
      await mkdir(kept);
      for (const file of await readdir(cwd)) await copyFile(join(cwd, file), join(kept, file));
      return (this.#said = said);
    }
    const file = this.#light?.file ?? (await this.whole());
    await copyFile(file, join(cwd, basename(file)));
    for (const line of this.#said.stdout.split('\n')) options.onLine?.('stdout', line);
    return this.#said;
  }
}
