import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a request said. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
  readonly body: string;
}

/** Answers one request. */
export type Respond = (request: SeenRequest, response: ServerResponse) => void;

/** An HTTP server of this process, on the loopback interface. */
export interface LoopbackServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Every request, in order. */
  readonly seen: SeenRequest[];
  /** What it does from now on. */
  respond: Respond;
  close(): Promise<void>;
}

/** Starts a server that answers 404 until it is told otherwise. */
export async function startLoopbackServer(): Promise<LoopbackServer> {
  const http = createServer((request, response) => void serve(request, response));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const server: LoopbackServer = {
    host: `127.0.0.1:${(http.address() as AddressInfo).port}`,
    seen: [],
    respond: (_request, response) => void response.writeHead(404).end(),
    close: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const seen = {
      method: request.method ?? '',
      url: request.url ?? '',
      authorization: request.headers.authorization,
      range: request.headers.range,
      body: Buffer.concat(chunks).toString(),
    };
    server.seen.push(seen);
    server.respond(seen, response);
  }
  return server;
}
