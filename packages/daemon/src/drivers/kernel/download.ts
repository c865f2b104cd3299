import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { BangerError } from '@banger/contract/error';
import type { StageContext } from '../../domain/stage-progress.ts';
import type { Clock } from '../../host/clock.ts';
import { cancelled, shownUrl, type FailureOptions } from '../../host/http/failure.ts';
import { fileSink } from '../../host/http/file-sink.ts';
import type { Hosts } from '../../host/http/host-settings.ts';
import { HTTP_LIMITS, type HttpLimits } from '../../host/http/limits.ts';
import { receiveFile, type ByteSink } from '../../host/http/receive-file.ts';
import { getFollowing } from '../../host/http/redirects.ts';
import { statusFailure, within } from '../../host/http/retry.ts';
import { discard, Transport, type Answer } from '../../host/http/transport.ts';
import { MOST_KERNEL_FILE_BYTES, type KernelPlace } from './catalog.ts';
import { filePieces } from './file-pieces.ts';

/** A file of a catalog. */
type UrlPlace = Extract<KernelPlace, { readonly type: 'url' }>;

/** What is fetched, for messages and as a check. */
interface Wanted {
  readonly place: UrlPlace;
  readonly url: URL;
  /** As in a sentence. */
  readonly what: string;
  readonly check: Sha256Check;
}

/** What downloads work with. */
export interface DownloadOptions {
  /** What the configuration says of hosts: `plain_http` and `ca_file` hold for kernels as for images. */
  readonly hosts: Hosts;
  readonly clock: Clock;
  /** The product's own unless told. */
  readonly limits?: HttpLimits;
  readonly mostBytes?: number;
}

/** Fetches the files of kernels from where catalogs say that they are. */
export class KernelDownloads {
  readonly #hosts: Hosts;
  readonly #clock: Clock;
  readonly #limits: HttpLimits;
  readonly #mostBytes: number;

  constructor({ hosts, clock, limits = HTTP_LIMITS, mostBytes = MOST_KERNEL_FILE_BYTES }: DownloadOptions) {
    this.#hosts = hosts;
    this.#clock = clock;
    this.#limits = limits;
    this.#mostBytes = mostBytes;
  }

  /**
   * Writes the file into a new one at `path`: what resolves has the length and the hash of the catalog. Rejects with
   * `download_failed`, `config_invalid` (`ca_file`), `cancelled`, or what the file system says.
   */
  async fetch(
    kernel: string,
    place: UrlPlace,
    path: string,
    { signal, onProgress }: StageContext,
  ): Promise<void> {
    const wanted = {
      place,
      url: new URL(place.url),
      what: `the kernel ${kernel}`,
      check: new Sha256Check(place.sha256),
    };
    const stage = `Fetching kernel ${kernel}`;
    const onBytes = (done: number, total: number | undefined): void =>
      onProgress({ stage, done, ...(total === undefined ? {} : { total }), unit: 'bytes' });
    const file = await open(path, 'wx');
    try {
      const sink = fileSink(file);
      if (wanted.url.protocol === 'file:') await this.#copy(wanted, sink, signal, onBytes);
      else await this.#download(wanted, sink, signal, onBytes);
    } finally {
      await file.close();
    }
  }

  async #download(
    { place, url, what, check }: Wanted,
    sink: ByteSink,
    signal: AbortSignal,
    onBytes: (done: number, total: number | undefined) => void,
  ): Promise<void> {
    const host = { host: url.host, failed: hostFailed };
    const limits = this.#limits;
    const mostBytes = this.#mostBytes;
    const ms = limits.fileMs + ((place.bytes ?? mostBytes) / limits.leastBytesPerSecond) * 1_000;
    const transport = new Transport(this.#hosts, limits, hostFailed);
    const ask = async (headers: Readonly<Record<string, string>>, work: AbortSignal): Promise<Answer> => {
      const { answer } = await getFollowing(transport, url, {
        headers,
        authorization: undefined,
        signal: work,
      });
      const { status } = answer;
      if (status === 200 || status === 206) return answer;
      await discard(answer, work);
      const error = hostFailed(answer.url.host, `answered with status ${status} for ${shownUrl(answer.url)}`);
      throw statusFailure(answer, error, this.#clock.now());
    };
    try {
      await within(ms, host, signal, (work) =>
        receiveFile({ ...host, bytes: place.bytes, mostBytes, what, check, ask }, sink, {
          ...{ clock: this.#clock, limits, signal: work },
          onBytes,
        }),
      );
    } finally {
      await transport.close();
    }
  }

  async #copy(
    { place, url, what, check }: Wanted,
    sink: ByteSink,
    signal: AbortSignal,
    onBytes: (done: number, total: number | undefined) => void,
  ): Promise<void> {
    const path = fileURLToPath(url);
    const from = await openFile(path);
    try {
      const { size } = await from.stat();
      if (size !== (place.bytes ?? size) || size > this.#mostBytes)
        throw fileFailed(path, `has ${size} bytes, not those of ${what}`);
      for await (const piece of filePieces(from, 0, size)) {
        if (signal.aborted) throw cancelled();
        check.update(piece);
        await sink.write(piece);
        onBytes(check.bytes, size);
      }
      if (check.bytes !== size || !check.matches()) throw fileFailed(path, `is something else than ${what}`);
    } finally {
      await from.close();
    }
  }
}

/** Where a kernel came from, for people: without what an address may carry besides. */
export function placeText(url: string): string {
  const parsed = new URL(url);
  return parsed.protocol === 'file:' ? `file://${parsed.pathname}` : shownUrl(parsed);
}

class Sha256Check {
  bytes = 0;
  readonly #expected: string;
  readonly #hash: Hash = createHash('sha256');

  constructor(expected: string) {
    this.#expected = expected;
  }

  update(bytes: Buffer): void {
    this.bytes += bytes.length;
    this.#hash.update(bytes);
  }

  matches(): boolean {
    return this.#hash.digest('hex') === this.#expected;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK a FIFO would be waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
  } catch (cause) {
    await file?.close();
    throw fileFailed(path, `cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
  await file.close();
  throw fileFailed(path, 'is no file');
}

function fileFailed(path: string, what: string, options: FailureOptions = {}): BangerError {
  return new BangerError('download_failed', `The file ${path} ${what}.`, { ...options, details: { path } });
}

function hostFailed(host: string, what: string, options: FailureOptions = {}): BangerError {
  return new BangerError('download_failed', `The server ${host} ${what}.`, {
    ...options,
    details: { server: host },
  });
}
