import { createHash } from 'node:crypto';
import { basename, isAbsolute } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { readRemoteBundle, type RemoteBundle } from '../bundle/bundle-address.ts';
import type { ImageOrigin } from '../driver.ts';
import type { LocalImage } from '../oci/source/open-image.ts';
import { readReference, referenceText, type ImageReference } from '../registry/reference.ts';

/** An origin, and how to get there. */
export type KnownOrigin = ImageOrigin &
  (
    | { readonly kind: 'registry'; readonly reference: ImageReference }
    | { readonly kind: 'local'; readonly image: LocalImage }
    | { readonly kind: 'bundle'; readonly path: string }
    | { readonly kind: 'remote bundle'; readonly place: RemoteBundle }
    | { readonly kind: 'tarball'; readonly path: string }
    | { readonly kind: 'upload'; readonly sha256: string; readonly isTarball: boolean }
  );

/** As in containers-transports(5), which skopeo and podman go by. What is there tells by itself which of the three it is. */
const LOCAL = /^(oci|oci-archive|docker-archive):([^:]*)(?::(.+))?$/s;
/** What a client has sent, by its hash; its content tells what it is, unless it is said to be a root file system. */
const UPLOAD = /^(tarball:)?upload:([0-9a-f]{64})$/;
const UPLOADED_NAME = 'image';
/** A file that `image export` made. */
const BUNDLE = 'bundle:';
/** What `image export` puts behind a name: a piece of the file's hash. */
const BUNDLE_ENDING = /(?:-[0-9a-f]{12})?\.tar\.zst$/;
/** A plain archive of a root file system, as containers/image calls it; that it is one is said, and never guessed. */
const TARBALL = 'tarball:';
const TARBALL_ENDING = /\.(?:tar(?:\.(?:gz|zst))?|tgz|tzst)$/;
/** What begins so is no reference, and does not say what there is at the path. */
const PATH = /^\.{0,2}\//;
/** Of a name that is made from what was pulled: as long as a name of an image may be, with room for a hash. */
const MOST_NAME_CHARACTERS = 110;
const HASH_CHARACTERS = 8;
/** Of a digest, where that is all that tells versions apart. */
const DIGEST_CHARACTERS = 12;

/** Reads what a user wrote as where an image is to be had. Throws `invalid_argument`. */
export function readOrigin(text: string): KnownOrigin {
  const [, tarball, sha256] = UPLOAD.exec(text) ?? [];
  if (sha256 !== undefined)
    return { kind: 'upload', ...namesOf(text, UPLOADED_NAME), sha256, isTarball: tarball !== undefined };
  if (text.startsWith(BUNDLE)) return bundleOrigin(text, text.slice(BUNDLE.length));
  if (text.startsWith(TARBALL)) return tarballOrigin(text, text.slice(TARBALL.length));
  const [, transport, path = '', named] = LOCAL.exec(text) ?? [];
  if (transport === undefined) {
    if (PATH.test(text)) throw barePath(text);
    const reference = readReference(text);
    return { kind: 'registry', ...namesOf(referenceText(reference), nameOf(reference)), reference };
  }
  checkAbsolute(text, path);
  return {
    kind: 'local',
    ...namesOf(text, allowed(named ?? basename(path).replace(/(?:\.oci)?\.tar$/, ''))),
    image: { path, ...(named === undefined ? {} : { reference: named }) },
  };
}

function bundleOrigin(text: string, path: string): KnownOrigin {
  const named = (file: string): ImageOrigin =>
    namesOf(text, allowed(basename(file).replace(BUNDLE_ENDING, '')));
  const place = readRemoteBundle(path);
  if (place !== undefined) return { kind: 'remote bundle', ...named(new URL(place.url).pathname), place };
  if (/^[a-z]+:\/\//.test(path))
    throw new BangerError(
      'invalid_argument',
      `${JSON.stringify(text)} is no address of a bundle with its hash.`,
      {
        hint: 'Write it as bundle:https://HOST/FILE.tar.zst@sha256:HEX, without a login and a query.',
      },
    );
  checkAbsolute(text, path);
  return { kind: 'bundle', ...named(path), path };
}

function tarballOrigin(text: string, path: string): KnownOrigin {
  checkAbsolute(text, path);
  return { kind: 'tarball', ...namesOf(text, allowed(basename(path).replace(TARBALL_ENDING, ''))), path };
}

function checkAbsolute(text: string, path: string): void {
  if (!isAbsolute(path))
    throw new BangerError('invalid_argument', `The path of ${JSON.stringify(text)} is not absolute.`, {
      hint: 'Write it as oci:/srv/image, oci-archive:/srv/image.tar:NAME, bundle:/srv/image.tar.zst or tarball:/srv/root.tar.',
    });
}

function barePath(text: string): BangerError {
  return new BangerError(
    'invalid_argument',
    `${JSON.stringify(text)} is a path that does not say what is there: write tarball:PATH for an archive of a root file system, oci-archive:PATH or docker-archive:PATH for one of an image, bundle:PATH for a bundle.`,
  );
}

function namesOf(text: string, defaultName: string): ImageOrigin {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARACTERS);
  return { text, defaultName, otherName: `${defaultName}-${hash}` };
}

/** `team/app:1.2` is `app-1.2`, `team/app` is `app`. */
function nameOf({ repository, tag, digest }: ImageReference): string {
  const last = repository.slice(repository.lastIndexOf('/') + 1);
  if (tag !== undefined) return allowed(tag === 'latest' ? last : `${last}-${tag}`);
  const hex = digest?.slice(digest.indexOf(':') + 1, digest.indexOf(':') + 1 + DIGEST_CHARACTERS) ?? '';
  return allowed(`${last}-${hex}`);
}

/** What of a text can be a name; never empty. */
function allowed(text: string): string {
  const name = text.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '');
  return name === '' ? 'image' : name.slice(0, MOST_NAME_CHARACTERS);
}
