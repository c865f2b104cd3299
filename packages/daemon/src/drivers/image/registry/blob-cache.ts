import { randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Leftover } from '../../../domain/leftover.ts';
import { SingleFlight } from '../../../domain/single-flight.ts';
import type { StageContext } from '../../../domain/stage-progress.ts';
import { changedAt } from '../../../host/changed-at.ts';
import { asDiskFull } from '../../../host/disk-full.ts';
import { fileSink } from '../../../host/http/file-sink.ts';
import type { LayerCache } from '../driver.ts';
import type { ByteSink } from '../../../host/http/receive-file.ts';
import { ensurePrivateDir, syncDirectory } from '../../../host/private-files.ts';
import { readDigest, type Digest } from '../oci/digest.ts';
import type { Descriptor } from '../oci/manifest-document.ts';

/** A blob of the cache. */
export interface CachedBlob {
  readonly digest: Digest;
  readonly bytes: number;
  /** Somebody works with it. */
  readonly held: boolean;
}

/** Fills a sink with the right bytes, or rejects. */
export type Download = (sink: ByteSink, context: StageContext) => Promise<void>;

const FILE_MODE = 0o600;
const STAGING = /^\.staging-/;

/**
 * Blobs by digest, a file each, of which every one is whole: written beside its place under a hidden name, verified, synced, renamed.
 * All of it can be thrown away. One process at a time may use it.
 *
 *   ALGORITHM-HEX                      a blob
 *   .staging-ALGORITHM-HEX.<random>    one that is coming
 */
export class BlobCache implements LayerCache {
  readonly #root: string;
  readonly #flights = new SingleFlight<string>();
  readonly #staging = new Set<string>();
  /** How many calls work with a blob. */
  readonly #held = new Map<Digest, number>();

  /** `root`: absolute path; made when it is needed. */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * The file of a blob, downloaded when it is not there: once for all who want it at the same time. `download` verifies; a file that
   * is here already was verified when it came, and must have the right length still. The blob is to be held, or may be gone.
   * Rejects with `disk_full`, `path_unsafe`, and as `download` does; then nothing is left.
   */
  async fetch(blob: Descriptor, context: StageContext, download: Download): Promise<string> {
    return this.#flights.run(blob.digest, context, async (work) => {
      const path = this.#path(blob.digest);
      if ((await sizeOf(path)) === blob.bytes) return path;
      await ensurePrivateDir(this.#root);
      await this.#fill(blob, path, (sink) => download(sink, work));
      return path;
    });
  }

  /** Keeps blobs from being removed while `work` is at it; it may fetch them meanwhile. */
  async holding<T>(digests: readonly Digest[], work: () => Promise<T>): Promise<T> {
    for (const digest of digests) this.#held.set(digest, (this.#held.get(digest) ?? 0) + 1);
    try {
      return await work();
    } finally {
      for (const digest of digests) {
        const left = (this.#held.get(digest) ?? 1) - 1;
        if (left === 0) this.#held.delete(digest);
        else this.#held.set(digest, left);
      }
    }
  }

  /** What is there, sorted by digest. */
  async list(): Promise<readonly CachedBlob[]> {
    const found: CachedBlob[] = [];
    for (const name of (await this.#entries()).toSorted()) {
      const digest = readDigest(name.replace('-', ':'));
      const bytes = digest === undefined ? undefined : await sizeOf(join(this.#root, name));
      if (digest !== undefined && bytes !== undefined)
        found.push({ digest, bytes, held: this.#held.has(digest) });
    }
    return found;
  }

  /** Removes a blob; false when it is not there, or held. */
  async remove(text: string): Promise<boolean> {
    const digest = readDigest(text);
    if (digest === undefined || this.#held.has(digest)) return false;
    const path = this.#path(digest);
    if ((await sizeOf(path)) === undefined) return false;
    await rm(path, { force: true });
    return true;
  }

  /** What a killed daemon left of downloads. */
  async leftovers(): Promise<readonly Leftover[]> {
    const found: Leftover[] = [];
    for (const entry of await this.#entries()) {
      // Names are random: one that nobody works on now is never worked on again.
      if (!STAGING.test(entry) || this.#staging.has(entry)) continue;
      const path = join(this.#root, entry);
      const since = await changedAt(path);
      if (since === undefined) continue;
      found.push({
        what: `unfinished download ${path}`,
        action: 'delete it',
        since,
        remove: () => rm(path, { recursive: true, force: true }),
      });
    }
    return found;
  }

  async #fill(blob: Descriptor, path: string, download: (sink: ByteSink) => Promise<void>): Promise<void> {
    const name = `.staging-${fileName(blob.digest)}.${randomBytes(6).toString('hex')}`;
    const staging = join(this.#root, name);
    this.#staging.add(name);
    try {
      const file = await open(staging, 'wx', FILE_MODE);
      try {
        await download(fileSink(file));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(staging, path);
      await syncDirectory(this.#root);
    } catch (error) {
      await rm(staging, { force: true });
      throw asDiskFull(error, `There is no room in ${this.#root} for a blob of ${blob.bytes} bytes.`, {
        path: this.#root,
      });
    } finally {
      this.#staging.delete(name);
    }
  }

  #path(digest: Digest): string {
    return join(this.#root, fileName(digest));
  }

  async #entries(): Promise<readonly string[]> {
    return readdir(this.#root).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
  }
}

function fileName(digest: Digest): string {
  return digest.replace(':', '-');
}

/** Undefined when there is no file of that name. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const stat = await lstat(path);
    return stat.isFile() ? stat.size : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
