import { existsSync, linkSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isBangerError } from '@banger/contract/error';
import { expect } from 'vitest';
import { systemClock } from '../../../host/clock.ts';
import { ownOperation, runOperation, type Operation } from '../../operation.ts';
import { FakeHost } from '../fake-host.suite.ts';
import type { Doom } from './daemon-life.suite.ts';
import { expectTruth, settled } from './truth.suite.ts';
import { IMAGE, KERNEL, type Verb } from './verbs.suite.ts';

/** Hosts at the same time: they mostly wait for the disk. */
const AT_ONCE = 8;

/**
 * The second daemon is killed before another point of its recovery for each point of the first one: so that all of its points have
 * their turn many times without all pairs being tried. Recoveries have up to so many.
 */
const RECOVERY_POINTS = 11;
const RECOVERY_STRIDE = 5;
const recovery = { name: 'recovery', command: (host: FakeHost) => host.recover() };

/** In memory where that can be: what is looked at is what is done in which order, and most of the time would be waits for the disk. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A host with image and kernel, from which others are stocked. */
export async function makeStock(): Promise<FakeHost> {
  const host = await FakeHost.make(systemClock, { place });
  const { signal } = new AbortController();
  await Promise.all([host.deps.images.ensure(IMAGE, signal), host.deps.kernels.ensure(KERNEL, signal)]);
  return host;
}

/** Links the files of a host's stores into those of another one: their files are only ever replaced whole. */
function takeStock(stock: FakeHost, host: FakeHost): void {
  for (const store of ['images', 'kernels'] as const) {
    const [from, to] = [stock.layout[store], host.layout[store]];
    mkdirSync(to, { mode: 0o700 });
    for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
      const source = join(entry.parentPath, entry.name);
      const target = join(to, source.slice(from.length));
      if (entry.isDirectory()) mkdirSync(target, { mode: 0o700 });
      else linkSync(source, target);
    }
  }
}

/** The step's title as a point: nothing is done at it. */
export function beginningOf(title: string): string {
  return `step: ${title}`;
}

/** Runs the command as the daemon of the host, until it ends or the daemon is killed: before which point, or `undefined`. */
async function upTo(
  host: FakeHost,
  verb: Pick<Verb, 'name' | 'command'>,
  doom: Doom,
): Promise<string | undefined> {
  const { life } = host;
  const progress: Operation['progress'] = ({ stage, ms }) => {
    if (ms === undefined) life.moment(beginningOf(stage));
  };
  const death = new Promise<void>((resolve) =>
    life.death.addEventListener('abort', () => resolve(), { once: true }),
  );
  life.doom(doom);
  const command = life.run(() =>
    runOperation({ ...ownOperation(verb.name), progress }, () => verb.command(host)),
  );
  await Promise.race([command, death]).catch((error: unknown) => {
    // A synchronous effect cannot be kept from returning: what the dead say is not heard.
    if (!life.isDead) throw error;
  });
  command.catch(() => undefined);
  return life.isDead ? life.points.at(-1) : undefined;
}

/** A host as the command finds it. */
async function withHost<T>(verb: Verb, stock: FakeHost, work: (host: FakeHost) => Promise<T>): Promise<T> {
  const host = await FakeHost.make(verb.clock ?? systemClock, { place });
  try {
    if (verb.onEmptyHost !== true) takeStock(stock, host);
    await verb.before(host);
    return await work(host);
  } finally {
    await host.close();
  }
}

/** The command's points, in order, when nobody kills the daemon. */
export function pointsOf(verb: Verb, stock: FakeHost): Promise<readonly string[]> {
  return withHost(verb, stock, async (host) => {
    await upTo(host, verb, () => false);
    return [...host.life.points];
  });
}

/**
 * Kills the daemon before the `n`th point of the command, or after its end, and the next one somewhere in its recovery. The third must find
 * the truth; then the same command must succeed, or be done already; then deletion must leave nothing.
 */
async function killAt(n: number, verb: Verb, stock: FakeHost): Promise<void> {
  await withHost(verb, stock, async (host) => {
    const where: string[] = [];
    const kill = async (what: Pick<Verb, 'name' | 'command'>, before: number): Promise<void> => {
      const point = await upTo(host, what, (_point, at) => at === before);
      where.push(`${what.name} ${point === undefined ? 'after its end' : `before "${point}"`}`);
      await host.succeed();
    };
    try {
      await kill(verb, n);
      await kill(recovery, 1 + ((n * RECOVERY_STRIDE) % RECOVERY_POINTS));
      await host.recover();
      await settled(host);
      await expectTruth(host, verb);
      if (verb.keeps !== undefined) expect(await verb.keeps(host), 'what it keeps').toBe(true);
      await again(host, verb);
      await settled(host);
      await expectTruth(host);
      for (const { id } of host.deps.vms.list())
        expect(await host.vms.delete(id)).toMatchObject({ leftOver: [] });
      expect(host.deps.vms.list()).toEqual([]);
      await expectTruth(host);
    } catch (cause) {
      throw new Error(`killed in ${where.join(', then in ')}: ${String(cause)}`, { cause });
    }
  });
}

/** Kills a daemon at every point of a command; resolves with how many these were, and what went wrong at which. */
export async function killEverywhere(
  verb: Verb,
  stock: FakeHost,
): Promise<{ readonly points: number; readonly failures: readonly Error[] }> {
  const names = await pointsOf(verb, stock);
  const failures: Error[] = [];
  const pending = Array.from({ length: names.length + 1 }, (_, index) => index + 1);
  const points = pending.length;
  const worker = async (): Promise<void> => {
    for (let n = pending.shift(); n !== undefined; n = pending.shift())
      await killAt(n, verb, stock).catch((error: unknown) => failures.push(error as Error));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { points, failures };
}

async function again(host: FakeHost, { command, repeat = command, doneAlready }: Verb): Promise<void> {
  try {
    await repeat(host);
  } catch (error) {
    if (doneAlready === undefined || !isBangerError(error, doneAlready.code)) throw error;
    expect(await doneAlready.proof(host)).toBe(true);
  }
}
