import type { VmView } from '@banger/contract/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultHome } from '../faults/fault-home.ts';
import { footprintOf, type Footprint } from './footprint.ts';
import { soakSize } from './sizes.ts';

/**
 * MiB that the daemon may have more of after than before. Its collector gives back when it likes: what it has not yet was 6 MiB at
 * most after some rounds and 2 after some commands. The rest is for each round and each command; a leak of more shows at the latest in the long form.
 */
const memoryMargin = {
  rounds: 16 + 0.1 * soakSize.rounds,
  execs: 8 + 0.01 * soakSize.execs,
};
/** A thread more or less in the pool that reads and writes files. */
const THREADS_MARGIN = 4;
const small = ['--memory', '256'];
/** One long soak takes minutes. */
const SOAK_TIMEOUT_MS = 60 * 60_000;

let home: FaultHome;
beforeAll(() => {
  home = FaultHome.stocked();
});
afterAll(() => home.remove());

async function footprint(): Promise<Footprint> {
  const daemon = await home.daemonPid();
  // What a call leaves to be tidied behind its answer is tidied within moments.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return footprintOf(home.path, daemon);
}

/** Prints what was before and after, and expects them to be equal within the margins. */
function expectSame(what: string, before: Footprint, after: Footprint, marginMib: number): void {
  console.log(`${what}\n  before ${JSON.stringify(before)}\n  after  ${JSON.stringify(after)}`);
  const { memoryMib, threads, ...rest } = after;
  const { memoryMib: memoryBefore, threads: threadsBefore, ...restBefore } = before;
  expect(rest).toEqual(restBefore);
  expect(memoryMib).toBeLessThanOrEqual(memoryBefore + marginMib);
  expect(threads).toBeLessThanOrEqual(threadsBefore + THREADS_MARGIN);
}

const round = async (): Promise<void> => {
  const { status, stdout, stderr } = await home.run(['vm', 'run', '--rm', ...small, '--', 'echo', 'there']);
  expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: 'there\n' });
};

describe('over many rounds nothing grows', () => {
  test(
    `create, run, delete: ${soakSize.rounds} more after the first`,
    async () => {
      await round();
      const before = await footprint();
      for (let done = 0; done < soakSize.rounds; done += 1) await round();
      const what = `${soakSize.rounds} rounds of create, run, delete`;
      expectSame(what, before, await footprint(), memoryMargin.rounds);
      await home.expectNothingLeft();
    },
    SOAK_TIMEOUT_MS,
  );

  test(
    `${soakSize.execs} commands in one VM`,
    async () => {
      expect(await home.run(['vm', 'create', '--name', 'busy', ...small])).toMatchObject({ status: 0 });
      const exec = async (): Promise<void> => {
        const outcome = await home.run([
          'vm',
          'exec',
          'busy',
          '--',
          'sh',
          '-c',
          'echo out; echo err >&2; exit 3',
        ]);
        expect(outcome).toMatchObject({ status: 3, stdout: 'out\n', stderr: 'err\n' });
      };
      const guestProcesses = async (): Promise<string> => {
        // All but the kernel's own threads, which come and go.
        const count = 'ps --ppid 2 -p 2 --deselect --no-headers | wc -l';
        return (await home.run(['vm', 'exec', 'busy', '--', 'sh', '-c', count])).stdout;
      };
      for (let warm = 0; warm < 5; warm += 1) await exec();
      const [before, processesBefore] = [await footprint(), await guestProcesses()];
      for (let done = 0; done < soakSize.execs; done += 1) await exec();
      const after = await footprint();
      expectSame(`${soakSize.execs} commands in one VM`, before, after, memoryMargin.execs);
      expect(await guestProcesses()).toBe(processesBefore);
      expect(await home.json<VmView>(['vm', 'show', 'busy'])).toMatchObject({ state: 'running' });
      expect(await home.run(['vm', 'delete', 'busy'])).toMatchObject({ status: 0 });
      await home.expectNothingLeft();
    },
    SOAK_TIMEOUT_MS,
  );
});
