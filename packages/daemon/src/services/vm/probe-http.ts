import { addAbortSignal, type Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { RequestOptions } from '../../drivers/guest/driver.ts';

/** From connecting to the first bytes of an answer. A server in an emulated guest takes some 0.1 s for a TLS handshake. */
const PROBE_MS = 2_000;
/** As much of an answer as tells what it is: `HTTP/1.1 200`. */
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/;
const STATUS_LINE_BYTES = 12;
const STATUS_LINE_START = 'HTTP/1.';
/** What a TLS server says to a request in plain text: the content type of an alert (RFC 8446, section 5.1). */
const TLS_ALERT = 0x15;
/** Servers that speak TLS and HTTP answer a request in plain text with it. */
const BAD_REQUEST = 400;

/** Opens a connection to the server in question. */
export type Dial = (options: RequestOptions) => Promise<Duplex>;

/**
 * What a TCP server speaks: `http` or `https` when it answers a request so, else `tcp`. A server in a guest answers what it likes, for as
 * long as it likes: a few bytes are looked at, and the connection is closed. Never rejects.
 */
export async function speaks(
  dial: Dial,
  host: string,
  signal: AbortSignal,
  patienceMs: number = PROBE_MS,
): Promise<'http' | 'https' | 'tcp'> {
  const ask = (wrap: (connection: Duplex) => Duplex): Promise<Buffer> =>
    firstBytes(dial, host, AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]), wrap);
  const plain = await ask((connection) => connection);
  const status = statusOf(plain);
  if (status !== undefined && status !== BAD_REQUEST) return 'http';
  const saysSomethingElse = plain.length > 0 && plain[0] !== TLS_ALERT && status === undefined;
  if (saysSomethingElse) return 'tcp';
  if (statusOf(await ask(overTls)) !== undefined) return 'https';
  return status === undefined ? 'tcp' : 'http';
}

/** Nothing that the server says is relied upon, so nobody asks who it is. Certificates for development are mostly for `localhost`. */
function overTls(connection: Duplex): Duplex {
  return connectTls({
    socket: connection,
    servername: 'localhost',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: false,
  });
}

/** The beginning of the answer to a request for `/`; empty when none came in time. */
async function firstBytes(
  dial: Dial,
  host: string,
  limit: AbortSignal,
  wrap: (connection: Duplex) => Duplex,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let connection: Duplex | undefined;
  try {
    connection = await dial({ signal: limit });
    connection.on('error', () => undefined);
    const wrapped = addAbortSignal(limit, wrap(connection));
    wrapped.on('error', () => undefined);
    wrapped.write(`HEAD / HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: banger\r\nConnection: close\r\n\r\n`);
    for await (const chunk of wrapped) {
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
  return bytes.length >= STATUS_LINE_BYTES || !STATUS_LINE_START.startsWith(start);
}

function statusOf(bytes: Buffer): number | undefined {
  const status = STATUS_LINE.exec(bytes.subarray(0, STATUS_LINE_BYTES).toString('latin1'))?.[1];
  return status === undefined ? undefined : Number(status);
}
