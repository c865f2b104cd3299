import { BangerError } from '@banger/contract/error';
import type { StoredImage } from '../drivers/image/driver.ts';

/** Throws `image_in_use` when there are any users. */
export function refuseUsed(name: string, users: readonly string[]): void {
  if (users.length === 0) return;
  throw new BangerError('image_in_use', `The image ${name} is used by ${users.join(', ')}.`, {
    details: { usedBy: users },
  });
}

/** The refusal of a pull that wishes for an image which is here in another way; `otherFiles`: with a kernel of other files than it names. */
export function hereOtherwise({ manifest }: StoredImage, image: string, otherFiles = false): BangerError {
  const { name, rootBytes, kernel, source } = manifest;
  if (source === 'recipe') return saidByCatalog(image);
  const mib = Math.ceil(rootBytes / 1024 ** 2);
  return new BangerError(
    'invalid_argument',
    `The image ${name} is here already, with a root file system of ${mib} MiB and the kernel ${kernel}${otherFiles ? ', which is not of these files' : ''}: a pull does not change it.`,
    {
      hint: `Pull it under another name with --name, or first delete this one: banger image delete ${name}`,
      details: { image: name },
    },
  );
}

/** The refusal of wishes for an image whose catalog entry settles them. */
export function saidByCatalog(image: string): BangerError {
  return new BangerError(
    'invalid_argument',
    `The image ${image} is of the catalog, which says its name, its size and its kernel.`,
    { hint: 'Leave --name, --size and --kernel out.' },
  );
}

/** A short name that no registry gives us is more often mistyped than a registry is broken. */
export function knownNowhere(image: string, error: BangerError): BangerError {
  const { code, message, details, cause } = error;
  if (code !== 'registry_failed' && code !== 'image_not_found') return error;
  return new BangerError(
    code,
    `There is no image named ${JSON.stringify(image)}, here or in the catalog, and none was got from a registry: ${message}`,
    {
      hint: 'See `banger image list --available` for the names that there are.',
      cause: cause ?? error,
      details: { ...details, image },
    },
  );
}

/** The refusal of what only an image that is here can do. */
export function notHere(image: string): BangerError {
  return new BangerError(
    'image_not_found',
    `There is no image ${JSON.stringify(image)} here or in the catalog.`,
    {
      details: { image },
    },
  );
}
