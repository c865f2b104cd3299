import { methods, type MethodKind, type MethodName } from '@banger/contract/methods';

/** Whether a call of that method only looks. */
export function isLook(method: string): boolean {
  return kindOf(method) === 'look';
}

/** Whether a call of that method is an operation: one that is listed, watched and cancelled. */
export function isOperation(method: string): boolean {
  return kindOf(method) === 'operation';
}

/** What is no method of ours is refused before it could be anything. */
function kindOf(method: string): MethodKind {
  return Object.hasOwn(methods, method) ? methods[method as MethodName].kind : 'operation';
}
