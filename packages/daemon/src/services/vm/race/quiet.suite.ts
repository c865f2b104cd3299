import { setImmediate } from 'node:timers/promises';

/** Rounds of the event loop without work: what one leads to by promises alone is done within it. */
const CALM_ROUNDS = 2;
const FILE_WORK: ReadonlySet<string> = new Set(['FSReqPromise', 'FSReqCallback', 'CloseReq']);

/** File operations that this thread waits for. */
function filesAtWork(): number {
  return process.getActiveResourcesInfo().filter((kind) => FILE_WORK.has(kind)).length;
}

/** Resolves when all that goes on by itself has come to rest: promises and file operations. What waits for a turn or for time goes on waiting. */
export async function quiet(): Promise<void> {
  for (let calm = 0; calm < CALM_ROUNDS;) {
    await setImmediate();
    calm = filesAtWork() === 0 ? calm + 1 : 0;
  }
}
