import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { BangerError } from '@banger/contract/error';
import type { StageContext } from '../../domain/stage-progress.ts';
import type { Clock } from '../clock.ts';
import { filePieces } from '../file-pieces.ts';
import { cancelled, shownUrl, type FailureOptions } from './failure.ts';
import { fileSink } from './file-sink.ts';
import type { Hosts } from './host-settings.ts';
import { HTTP_LIMITS, type HttpLimits } from './limits.ts';
import { receiveFile, type ByteSink } from './receive-file.ts';
import { getFollowing } from './redirects.ts';
import { statusFailure, within } from './retry.ts';
import { discard, Transport, type Answer } from './transport.ts';

/** By which an address may begin. Whether `http:` is asked at all is the configuration's word (`plain_http`). */
const SCHEMES = new Set(['https:', 'http:', 'file:']);
/** As long as servers take them. */
export const MOST_ADDRESS_CHARACTERS = 2048;

/** Where a file is, and what it must be. */
export interface FilePlace {
  readonly url: string;
  /** Of the file that is there, as it comes. */
  readonly sha256: string;
  /** Its length, where it is known: then not one byte more is taken. */
  readonly bytes?: number | undefined;
}

/** What a download is called. */
export interface DownloadNames {
  /** As in a sentence: `the kernel debian-cloud`. */
  readonly what: string;
  /** For its progress. */
  readonly stage: string;
}

/** What is fetched, for messages and as a check. */
interface Wanted {
  readonly place: FilePlace;
  readonly url: URL;
  /** As in a sentence. */
  readonly what: string;
  readonly check: Sha256Check;
}

/** What downloads work with. */
export interface DownloadOptions {
  /** What the configuration says of hosts: `plain_http` and `ca_file`. */
  readonly hosts: Hosts;
  readonly clock: Clock;
  /** The product's own unless told. */
  readonly limits?: HttpLimits;
  /** What a file may have whose length is not known. */
  readonly mostBytes: number;
}

/** Fetches files from where catalogs say that they are: resumed where they break off, and verified while they come. */
export class Downloads {
  readonly #hosts: Hosts;
  readonly #clock: Clock;
  readonly #limits: HttpLimits;
  readonly #mostBytes: number;

  constructor({ hosts, clock, limits = HTTP_LIMITS, mostBytes }: DownloadOptions) {
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
    { what, stage }: DownloadNames,
    place: FilePlace,
    path: string,
    { signal, onProgress }: StageContext,
  ): Promise<void> {
    const wanted = {
      place,
      url: new URL(place.url),
      what,
      check: new Sha256Check(place.sha256),
    };
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

/** True for an address by which a file can be fetched: `https://`, `http://` or `file:///`, without a login. */
export function isAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !SCHEMES.has(url.protocol) || url.username !== '' || url.password !== '') return false;
  return url.protocol !== 'file:' || (url.hostname === '' && !/%2f/i.test(url.pathname));
}

/** Where a file came from, for people: without what an address may carry besides. */
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
