import type { VmCopyIn, VmCopyOut } from '@banger/contract/copy';
import { BangerError } from '@banger/contract/error';
import type { Readable } from 'node:stream';
import type { VmRow } from '../../domain/vm-row.ts';
import type { VmDeps } from './deps.ts';
import { orVmEnd } from './exec.ts';
import { orSilence, reachableVm } from './reachable.ts';

const DURING = 'the copy was at work';

/** Takes a tree stream into a guest; resolves when all of it is there. */
export type TakeTree = (tree: Readable, signal: AbortSignal) => Promise<void>;

/** A tree stream of a guest's own making. */
export interface GuestTree {
  readonly bytes: Readable;
  /** What became of work on it: where it failed because the VM ended, that is the reason. */
  told<T>(work: Promise<T>): Promise<T>;
}

/** Opens a file or tree of a running VM. */
export async function copyOutOfVm(
  deps: VmDeps,
  row: VmRow,
  { path, follow }: VmCopyOut,
  signal: AbortSignal,
): Promise<GuestTree> {
  checkGuestPath(path);
  const { live, session } = await reachableVm(deps, row);
  const told = <T>(work: Promise<T>): Promise<T> =>
    orVmEnd(deps, row, live, DURING, orSilence(deps, row, work));
  return { bytes: await told(session.pack({ path, follow }, { signal })), told };
}

/** Whether a running VM can be copied into, and how. */
export async function copyIntoVm(
  deps: VmDeps,
  row: VmRow,
  { path, name, into }: VmCopyIn,
): Promise<TakeTree> {
  checkGuestPath(path);
  if (name !== undefined && /[/\0]|^\.{1,2}$/.test(name))
    throw new BangerError('invalid_argument', 'The name of a copy is one component of a path.');
  const { live, session } = await reachableVm(deps, row);
  const target = { path, into, ...(name === undefined ? {} : { name }) };
  return (tree, signal) =>
    orVmEnd(deps, row, live, DURING, orSilence(deps, row, session.unpack(target, tree, { signal })));
}

function checkGuestPath(path: string): void {
  if (!path.startsWith('/') || path.includes('\0'))
    throw new BangerError(
      'invalid_argument',
      'A path in the guest begins with a slash and has no NUL character.',
    );
}
