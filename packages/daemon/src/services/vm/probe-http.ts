import { addAbortSignal, type Duplex } from 'node:stream';
import type { RequestOptions } from '../../drivers/guest/driver.ts';
import { clientHello, isTlsAnswer, TLS_PREFIX_BYTES } from './client-hello.ts';

/** From connecting to the first bytes of an answer. A server in an emulated guest takes some 0.1 s for its part of a TLS handshake. */
const PROBE_MS = 2_000;
/** As much of an answer as tells what it is: `HTTP/1.1 200`. */
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/;
const STATUS_LINE_BYTES = 12;
const STATUS_LINE_START = 'HTTP/1.';
/** Servers that speak TLS and HTTP answer a request in plain text with it. */
const BAD_REQUEST = 400;

/** Opens a connection to the server in question. */
export type Dial = (options: RequestOptions) => Promise<Duplex>;

/**
 * What a TCP server speaks: `http` when it answers a request so, `https` when it speaks TLS, else `tcp`. A server in a guest answers what it
 * likes, for as long as it likes: a few bytes are looked at, no TLS library gets to see them, and the connection is closed. What is said
 * within TLS is not known: `https` is what it mostly is. Never rejects.
 */
export async function speaks(
  dial: Dial,
  host: string,
  signal: AbortSignal,
  patienceMs: number = PROBE_MS,
): Promise<'http' | 'https' | 'tcp'> {
  const answerTo = (question: string | Uint8Array): Promise<Buffer> =>
    firstBytes(dial, question, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]));
  const plain = await answerTo(
    `HEAD / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: banger\r\nConnection: close\r\n\r\n`,
  );
  if (isTlsAnswer(plain)) return 'https';
  const status = statusOf(plain);
  if (status !== undefined && status !== BAD_REQUEST) return 'http';
  const saysSomethingElse = plain.length > 0 && status === undefined;
  if (saysSomethingElse) return 'tcp';
  if (isTlsAnswer(await answerTo(clientHello))) return 'https';
  return status === undefined ? 'tcp' : 'http';
}

/** The beginning of the answer; empty when none came in time. */
async function firstBytes(dial: Dial, question: string | Uint8Array, limit: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let connection: Duplex | undefined;
  try {
    connection = addAbortSignal(limit, await dial({ signal: limit }));
    connection.on('error', () => undefined);
    connection.write(question);
    for await (const chunk of connection) {
      chunks.push(chunk as Buffer);
      if (tellsEnough(Buffer.concat(chunks))) break;
    }
  } catch {
    // Refused, reset, ended, or too late: what has come so far is what there is.
  } finally {
    connection?.destroy();
  }
  return Buffer.concat(chunks);
}

/** A greeting shorter than a status line is not waited upon. */
function tellsEnough(bytes: Buffer): boolean {
  const start = bytes.subarray(0, STATUS_LINE_START.length).toString('latin1');
  const mayBeHttp = STATUS_LINE_START.startsWith(start) && bytes.length < STATUS_LINE_BYTES;
  return !mayBeHttp && bytes.length >= TLS_PREFIX_BYTES;
}

function statusOf(bytes: Buffer): number | undefined {
  const status = STATUS_LINE.exec(bytes.subarray(0, STATUS_LINE_BYTES).toString('latin1'))?.[1];
  return status === undefined ? undefined : Number(status);
}
