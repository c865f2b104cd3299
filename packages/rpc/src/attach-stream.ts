import type { Duplex } from 'node:stream';
import { CallCancelled, ConnectionLost, ProtocolFault, RpcError } from './errors.ts';
import { MAX_LINE_BYTES } from './limits.ts';
import { LineReader } from './line-reader.ts';
import { ATTACH, NotJson, parseLine, readReply } from './messages.ts';

/** The only call on its connection. */
const ATTACH_ID = 1;

/**
 * Turns a fresh connection into the byte stream of `token`: resolves with `duplex` itself, at the first byte after the
 * answer. Rejects with the server's `RpcError`, `ProtocolFault`, `ConnectionLost` or `CallCancelled`; then `duplex` is
 * destroyed.
 */
export function attachStream(duplex: Duplex, token: string, signal?: AbortSignal): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const reader = new LineReader(MAX_LINE_BYTES);

  const stop = (): void => {
    duplex.off('readable', onReadable);
    duplex.off('error', onError);
    duplex.off('close', onClose);
    duplex.off('end', onClose);
    signal?.removeEventListener('abort', onAbort);
  };
  const fail = (error: Error): void => {
    stop();
    duplex.on('error', () => undefined);
    duplex.destroy();
    reject(error);
  };
  const onError = (cause: Error): void => fail(new ConnectionLost('The connection broke.', cause));
  const onClose = (): void => fail(new ConnectionLost('The connection ended before the stream began.'));
  const onAbort = (): void => fail(new CallCancelled('The call was cancelled.'));
  const onReadable = (): void => {
    try {
      let line = reader.next();
      while (line === undefined) {
        const chunk = duplex.read() as Buffer | null;
        if (chunk === null) return;
        reader.push(chunk);
        line = reader.next();
      }
      checkAnswer(line);
    } catch (error) {
      fail(error as Error);
      return;
    }
    stop();
    const rest = reader.rest();
    if (rest.length > 0) duplex.unshift(rest);
    resolve(duplex);
  };

  if (signal?.aborted === true) {
    onAbort();
    return promise;
  }
  signal?.addEventListener('abort', onAbort);
  duplex.on('readable', onReadable);
  duplex.on('error', onError);
  duplex.on('close', onClose);
  duplex.on('end', onClose);
  duplex.write(
    `${JSON.stringify({ jsonrpc: '2.0', id: ATTACH_ID, method: ATTACH, params: { stream: token } })}\n`,
  );
  return promise;
}

function checkAnswer(line: Buffer): void {
  let value: unknown;
  try {
    value = parseLine(line);
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
    throw new ProtocolFault(error.message, error);
  }
  const reply = readReply(value);
  if (reply === undefined || reply.kind === 'notification')
    throw new ProtocolFault('The answer is not valid.');
  if (reply.kind === 'error') throw new RpcError(reply.error.code, reply.error.message, reply.error.data);
  if (reply.id !== ATTACH_ID) throw new ProtocolFault('The answer belongs to no call.');
}
