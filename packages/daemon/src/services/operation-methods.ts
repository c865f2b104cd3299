import { isLook } from './daemon-info.ts';

/**
 * Calls that change something and are no operations all the same: they are over at once, and what they begin is counted as a byte
 * stream or as an operation of its own. A thousand commands in a guest would push all else out of the list.
 */
const passing: ReadonlySet<string> = new Set([
  'exec.resize',
  'exec.signal',
  'operation.start',
  'vm.copyIn',
  'vm.copyOut',
  'vm.exec',
  'vm.logs',
]);

/** Whether a call of that method is an operation: one that is listed, watched and cancelled. */
export function isOperation(method: string): boolean {
  return !isLook(method) && !passing.has(method);
}
