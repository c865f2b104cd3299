import { resolve } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { quoted } from './usage.ts';

/** The longest path there is (PATH_MAX), and longer than any reference. */
const MOST_CHARACTERS = 4_095;
/** An image on this machine: its path goes up to a colon. */
const LOCAL = /^(oci|oci-archive|docker-archive):([^:]+)(:.*)?$/s;
/** What `image export` wrote: the whole rest is its path, which may have colons, unless it is an address. */
const BUNDLE = /^(?:bundle:(?!\w+:\/\/)(?=.)|(?!bundle:)(?=.+\.tar\.zst$))(.+)$/s;

/** A plain archive of a root file system, likewise. */
const TARBALL = /^tarball:(.+)$/s;

/** An image by its name here or in the catalog, or by what it is pulled as; the daemon knows which. */
export function parseImage(image: string): string {
  if (image !== '' && image.length <= MOST_CHARACTERS && !/[\0\n]/.test(image)) return image;
  throw new BangerError('name_invalid', `${quoted(image)} is no image.`, {
    hint: 'Name one that is here or in the catalog, as debian-bookworm, or one of a registry, as alpine:3.19.',
  });
}

/** The same with an absolute path, where it has one that is taken from `directory`; a file that ends with `.tar.zst` is a bundle. */
export function absoluteImage(image: string, directory: string): string {
  const [, transport, path = '', named = ''] = LOCAL.exec(image) ?? [];
  if (transport !== undefined) return `${transport}:${resolve(directory, path)}${named}`;
  const [, tarball] = TARBALL.exec(image) ?? [];
  if (tarball !== undefined) return `tarball:${resolve(directory, tarball)}`;
  const [, bundle] = BUNDLE.exec(image) ?? [];
  return bundle === undefined ? image : `bundle:${resolve(directory, bundle)}`;
}
