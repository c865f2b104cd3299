import { stat } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { FileManifest } from '../manifest.ts';

/** What tells that a file is as it was: whoever writes to one changes this. */
export type FileState = FileManifest['file'];

/** The state of a file. Rejects as stat(2) does. */
export async function fileState(path: string): Promise<FileState> {
  const { size, mtimeNs } = await stat(path, { bigint: true });
  return { bytes: Number(size), modifiedNs: String(mtimeNs) };
}

/** True when a file was not written to between two looks. */
function isSameState(one: FileState, other: FileState): boolean {
  return one.bytes === other.bytes && one.modifiedNs === other.modifiedNs;
}

/**
 * Sees that the file of a registered image is there and as it was: the disks of VMs have only what differs from it, and with another file below
 * they would be neither. Rejects with `image_invalid`.
 */
export async function checkUserFile({
  name,
  reference,
  file,
}: Pick<FileManifest, 'name' | 'reference' | 'file'>): Promise<void> {
  let now: FileState;
  try {
    now = await fileState(reference);
  } catch (cause) {
    throw changed(name, reference, `cannot be found (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
  if (now.bytes < file.bytes) throw changed(name, reference, `is shorter than when it was registered`);
  if (!isSameState(now, file)) throw changed(name, reference, 'has been changed since it was registered');
}

function changed(name: string, path: string, what: string, cause?: unknown): BangerError {
  return new BangerError('image_invalid', `The file ${path} of the image ${name} ${what}.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: `Put it back as it was, with its time, or delete the VMs and the image, and register it again. \`banger image promote\` keeps a copy that nothing changes.`,
    details: { image: name, path },
  });
}
