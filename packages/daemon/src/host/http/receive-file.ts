import { cancelled, TemporaryFailure, type HostFailed } from './failure.ts';
import { networkFailure } from './network-failure.ts';
import { retrying, type RetryOptions } from './retry.ts';
import { discard, header, type Answer } from './transport.ts';

/** Takes the bytes of a file in their order. */
export interface ByteSink {
  /** Forgets what it was given; called once before the first bytes. */
  restart(): Promise<void>;
  write(bytes: Buffer): Promise<void>;
}

/** A file of a server of which it is known what it must be. */
export interface RemoteFile {
  readonly host: string;
  /** As in a sentence: `the blob sha256:…`. */
  readonly what: string;
  /** Its length; undefined when only the server can tell. */
  readonly bytes: number | undefined;
  /** What it may have at most where the server tells its length, or nobody. */
  readonly mostBytes: number;
  /** Fed with its bytes; asked at the end whether they are the right ones. */
  readonly check: { update(bytes: Buffer): void; matches(): boolean };
  readonly failed: HostFailed;
  /** Asks for all of it, or with a header `range` for the rest; answers 200 or 206, or rejects. */
  ask(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer>;
}

/**
 * Downloads a file into a sink, and verifies its length and content: what resolves is right. A broken connection is taken up where
 * it broke. `onBytes` is told how many bytes have come so far, and of how many, where that is known. Rejects as `ask` does, with
 * what `failed` makes, and with what the sink throws.
 */
export async function receiveFile(
  file: RemoteFile,
  sink: ByteSink,
  {
    onBytes,
    ...retry
  }: Omit<RetryOptions, 'bytes'> & {
    readonly onBytes: (done: number, total: number | undefined) => void;
  },
): Promise<void> {
  const { host, what, check, failed } = file;
  const { signal } = retry;
  let have = 0;
  let total = file.bytes;
  await sink.restart();
  onBytes(0, total);

  const receive = async (): Promise<void> => {
    if (have === total) return;
    const answer = await file.ask(have === 0 ? {} : { range: `bytes=${have}-` }, signal);
    total = await lengthOf(file, answer, total, have, signal);
    // A server may ignore a range (RFC 9110, 14.2).
    let skip = answer.status === 206 ? 0 : have;
    for await (const chunk of bodyOf(answer, signal)) {
      const bytes = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - bytes.length;
      // Not one byte more than was told is taken, whatever comes.
      if (have + bytes.length > (total ?? file.mostBytes)) throw wrongLength(file, total);
      check.update(bytes);
      await sink.write(bytes);
      have += bytes.length;
      onBytes(have, total);
    }
    if (total !== undefined && have < total)
      throw new TemporaryFailure(failed(host, `ended ${what} after ${have} of ${total} bytes`));
  };

  await retrying(receive, { ...retry, bytes: () => have });
  if (!check.matches()) throw failed(host, `sent something else than ${what}`);
}

/** The length of the file; throws when the answer is not to what was asked. */
async function lengthOf(
  file: RemoteFile,
  answer: Answer,
  known: number | undefined,
  have: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const from = answer.status === 206 ? have : 0;
  const length = header(answer, 'content-length');
  const total = known ?? (length === undefined ? undefined : from + Number(length));
  const refuse = async (error: Error): Promise<never> => {
    await discard(answer, signal);
    throw error;
  };
  if (length !== undefined && Number(length) + from !== total) return refuse(wrongLength(file, total));
  if (total !== undefined && !(total <= (file.bytes ?? file.mostBytes)))
    return refuse(wrongLength(file, undefined));
  if (answer.status !== 206) return total;
  const [, start, end, size] =
    /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(header(answer, 'content-range') ?? '') ?? [];
  const isTheRest =
    Number(start) === from && (total === undefined || (Number(end) === total - 1 && Number(size) === total));
  if (isTheRest) return total;
  return refuse(file.failed(file.host, `sent another part of ${file.what} than was asked for`));
}

/** The pieces of a body as they come: never unpacked, whatever `Content-Encoding` says, as the digest is of what was sent. */
async function* bodyOf({ url, body, failed }: Answer, signal: AbortSignal): AsyncGenerator<Buffer> {
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const next = await pieces.next().catch((cause: unknown) => {
        throw signal.aborted ? cancelled(cause) : networkFailure(url.host, cause, failed, true);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await pieces.return?.();
  }
}

function wrongLength({ host, what, mostBytes, failed }: RemoteFile, bytes: number | undefined): Error {
  return failed(
    host,
    bytes === undefined
      ? `sent more than the ${mostBytes} bytes that ${what} may have`
      : `sent ${what} with another length than its ${bytes} bytes`,
  );
}
