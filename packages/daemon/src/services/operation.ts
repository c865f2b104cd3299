import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { Subject } from '@banger/contract/operation';
import type { Progress } from '@banger/contract/progress';
import { withoutLocks } from './lock-order.ts';

/** One call at work. Its id stands in every log line that it causes and in the text of its error. */
export interface Operation {
  /** 12 hexadecimal digits. */
  readonly id: string;
  /** The method, as `vm.create`. */
  readonly method: string;
  /** What it works on; undefined where that is no VM, image or kernel. */
  readonly on?: Subject | undefined;
  /** Fires when the client cancels or leaves. */
  readonly signal: AbortSignal;
  /** Tells the client how far it has come; never throws, never waits. */
  readonly progress: (event: Omit<Progress, 'operation'>) => void;
}

const storage = new AsyncLocalStorage<Operation>();

/** The operation on whose behalf this code runs; undefined in the daemon's own background work. */
export function currentOperation(): Operation | undefined {
  return storage.getStore();
}

/** Runs `work` as the operation; all that it awaits sees it by `currentOperation`. */
export function runOperation<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
  return storage.run(operation, work);
}

/** Runs `work` on nobody's behalf, and under nobody's locks: for what must go on when the operation that began it has ended. */
export function runDetached<T>(work: () => T): T {
  return storage.exit(() => withoutLocks(work));
}

/** An id for an operation. */
export function newOperationId(): string {
  return randomBytes(6).toString('hex');
}

/** An operation that no client waits for. */
export function ownOperation(method: string, on?: Subject): Operation {
  return {
    id: newOperationId(),
    method,
    on,
    signal: new AbortController().signal,
    progress: () => undefined,
  };
}

/** Tells progress of the current operation, if there is one. */
export function tell(
  event: Omit<Progress, 'operation' | 'level'> & { readonly level?: Progress['level'] },
): void {
  currentOperation()?.progress({ level: 'stage', ...event });
}
