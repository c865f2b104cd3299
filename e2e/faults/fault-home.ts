import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MethodName, ParamsOf, ResultOf } from '@banger/contract/methods';
import type { VmView } from '@banger/contract/vm';
import { expect } from 'vitest';
import { HOLDER_FILE } from '../../packages/daemon/src/store/holder.ts';
import { banger, bangerJson, type Outcome, type RunOptions } from '../harness/banger.ts';
import { entries, processesOf, vmProcessesOf } from '../harness/leftovers.ts';
import { askedOfAny } from '../harness/seen.ts';
import { sharedHome, stock } from '../harness/shared-home.ts';
import { until } from '../harness/until.ts';

/** A daemon that was asked to end gives the calls at work 15 s to undo what they began. */
const DAEMON_END_MS = 20_000;

/** What mkdtemp(3) puts behind a name. */
const MKDTEMP_CHARACTERS = 6;

/**
 * A home of one test file, with a daemon of its own that may be broken at will. `stocked` ones have the image and the kernel of
 * the shared home: hard links, so that it costs nothing; a test that damages a file puts another one in its place.
 */
export class FaultHome {
  readonly path: string;
  /** For every command here, and so for the daemon that one starts. */
  env: Readonly<Record<string, string>> = {};
  readonly #mounts = new Set<string>();

  private constructor(path: string) {
    this.path = path;
  }

  static empty(): FaultHome {
    return new FaultHome(mkdtempSync(join(tmpdir(), 'banger-fault-')));
  }

  static stocked(images: readonly string[] = ['debian-bookworm'], home = FaultHome.empty()): FaultHome {
    stock(home.path, sharedHome(), images);
    return home;
  }

  /** One whose path has so many bytes. */
  static long(bytes: number): FaultHome {
    const start = join(tmpdir(), 'banger-fault-');
    return new FaultHome(mkdtempSync(start.padEnd(bytes - MKDTEMP_CHARACTERS, 'x')));
  }

  at(...path: string[]): string {
    return join(this.path, ...path);
  }

  /** Gives a directory of the home a file system of its own with this many bytes of room; again: another size. */
  setRoom(bytes: number, ...path: string[]): void {
    const directory = this.at(...path);
    const again = this.#mounts.has(directory);
    if (!again) mkdirSync(directory, { recursive: true, mode: 0o700 });
    const options = `${again ? 'remount,' : ''}size=${bytes},mode=700`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
    this.#mounts.add(directory);
  }

  /** Keeps everybody from writing to a directory of the home, root too, until it is mended; files that are open stay so. */
  makeReadOnly(...path: string[]): { mend(): void } {
    const directory = this.at(...path);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    execFileSync('mount', ['--bind', directory, directory]);
    execFileSync('mount', ['-o', 'remount,bind,ro', directory]);
    this.#mounts.add(directory);
    const mend = (): void => {
      execFileSync('umount', ['--lazy', directory]);
      this.#mounts.delete(directory);
    };
    return { mend };
  }

  /** Puts another file in the place of one that may be a hard link to that of another home. */
  replace(content: Uint8Array | string, ...path: string[]): void {
    rmSync(this.at(...path), { force: true });
    writeFileSync(this.at(...path), content, { mode: 0o600 });
  }

  run(argv: readonly string[], options: Omit<RunOptions, 'home'> = {}): Promise<Outcome> {
    return banger(argv, { env: this.env, ...options, home: this.path });
  }

  json<T>(argv: readonly string[]): Promise<T> {
    return bangerJson<T>(argv, { env: this.env, home: this.path });
  }

  /** What a method answers, from the daemon itself; where none runs, from the command that starts one and asks the same. */
  async #ask<M extends MethodName>(
    method: M,
    params: ParamsOf<M>,
    command: readonly string[],
  ): Promise<ResultOf<M>> {
    const answer = await askedOfAny(this.path, method, params);
    return answer === undefined ? this.json<ResultOf<M>>(command) : answer.result;
  }

  list(): Promise<ResultOf<'vm.list'>> {
    return this.#ask('vm.list', {}, ['vm', 'list']);
  }

  show(name: string): Promise<VmView> {
    return this.#ask('vm.show', { vm: name }, ['vm', 'show', name]);
  }

  images(): Promise<ResultOf<'image.list'>> {
    return this.#ask('image.list', { available: false }, ['image', 'list']);
  }

  image(name: string): Promise<ResultOf<'image.show'>> {
    return this.#ask('image.show', { image: name }, ['image', 'show', name]);
  }

  kernels(): Promise<ResultOf<'kernel.list'>> {
    return this.#ask('kernel.list', { available: false }, ['kernel', 'list']);
  }

  /** Process id of the daemon, which is started when none runs. */
  async daemonPid(): Promise<number> {
    await this.list();
    return (JSON.parse(readFileSync(this.at('state', HOLDER_FILE), 'utf8')) as { readonly pid: number }).pid;
  }

  /** Ends the daemon and waits until its process is gone. */
  async stopDaemon(): Promise<void> {
    await this.run(['daemon', 'stop']);
    await until(
      'the daemon to end',
      async () => (existsSync(this.at('state', HOLDER_FILE)) ? undefined : true),
      DAEMON_END_MS,
    );
  }

  /** What a fault left behind, by name; an empty list when all is as before. A daemon that is ending may still tidy up: see `clean`. */
  leftovers(): string[] {
    const staging = ['images', 'kernels'].flatMap((store) =>
      entries(this.path, 'state', store).filter((name) => name.startsWith('.')),
    );
    return [
      ...vmProcessesOf(this.path).map(({ pid, argv }) => `process ${pid}: ${argv}`),
      ...entries(this.path, 'state', 'vms').map((name) => `directory vms/${name}`),
      ...entries(this.path, 'run', 'vm').map((name) => `sockets vm/${name}`),
      ...entries(this.path, 'run').filter((name) => name === 'kvm-check'),
      ...staging,
      ...mountsBelow(this.path).filter((mount) => !this.#mounts.has(mount)),
    ];
  }

  /** Expects that no VM, process, file, socket or mount of a VM or a build is there. */
  async expectNothingLeft(): Promise<void> {
    expect(await this.list()).toEqual([]);
    expect(this.leftovers()).toEqual([]);
  }

  /** After a test: expects that nothing is left. One that failed left what it was about, which must not fail the next ones. */
  async tidy(failed: boolean): Promise<void> {
    if (failed) for (const { id } of await this.list()) await this.run(['vm', 'delete', id]);
    await this.expectNothingLeft();
  }

  /** Removes the home and whatever runs or is mounted in it. */
  async remove(): Promise<void> {
    await until('its processes to end', async () => {
      const left = processesOf(this.path);
      for (const { pid } of left) end(pid);
      return left.length === 0 ? true : undefined;
    });
    for (const mount of mountsBelow(this.path).toReversed()) execFileSync('umount', ['--lazy', mount]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Mount points below a directory, in the order in which they were made (proc_pid_mountinfo(5), field 5). */
function mountsBelow(directory: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mount) => mount.startsWith(`${directory}/`));
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
