import type { Duplex, Readable } from 'node:stream';
import type { HelloResult } from '@banger/contract/daemon';
import { BangerError } from '@banger/contract/error';
import type { MethodName, ParamsOf, ResultOf } from '@banger/contract/methods';
import type { Progress } from '@banger/contract/progress';
import { attachStream } from '@banger/rpc/attach-stream';
import type { RpcClient } from '@banger/rpc/client';
import { toClientError } from './call-errors.ts';
import {
  openCopyIn,
  openCopyOut,
  openDownload,
  openUpload,
  type CopyIn,
  type CopyOut,
  type Download,
  type Upload,
} from './copy-streams.ts';
import { openExecSession, type ExecSession } from './exec-session.ts';
import { openLogStream } from './log-stream.ts';

/** How one call is followed. */
export interface CallOptions {
  /** Cancels the call in the daemon; its promise then settles with the daemon's answer, which first undoes its work. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** A connection to the daemon, greeted. Every failure is a `BangerError`. */
export class BangerClient {
  /** What the daemon said of itself when it was greeted. */
  readonly hello: HelloResult;
  readonly #rpc: RpcClient;
  readonly #dial: (signal?: AbortSignal) => Promise<Duplex>;
  readonly #streams = new Set<Duplex>();

  constructor(rpc: RpcClient, hello: HelloResult, dial: (signal?: AbortSignal) => Promise<Duplex>) {
    this.#rpc = rpc;
    this.hello = hello;
    this.#dial = dial;
  }

  /** Calls a method of the contract. */
  async call<M extends MethodName>(
    method: M,
    params: ParamsOf<M>,
    options: CallOptions = {},
  ): Promise<ResultOf<M>> {
    const { signal, onProgress } = options;
    try {
      const result = await this.#rpc.call(method, params, {
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined ? {} : { onProgress: (event) => onProgress(event as Progress) }),
      });
      return result as ResultOf<M>;
    } catch (error) {
      throw toClientError(error);
    }
  }

  /** Starts a command in a guest. */
  async exec(params: ParamsOf<'vm.exec'>, options: CallOptions = {}): Promise<ExecSession> {
    const started = await this.call('vm.exec', params, options);
    const stream = await this.#attach(started.stream, options.signal);
    return openExecSession(started, stream, {
      signal: async (session, signal) => void (await this.call('exec.signal', { session, signal })),
      resize: async (session, size) => void (await this.call('exec.resize', { session, ...size })),
    });
  }

  /** Opens a file or tree of a guest. */
  async copyOut(params: ParamsOf<'vm.copyOut'>, options: CallOptions = {}): Promise<CopyOut> {
    const { stream } = await this.call('vm.copyOut', params, options);
    return openCopyOut(await this.#attach(stream, options.signal));
  }

  /** Opens an image of this machine as a bundle, and tells its name. */
  async exportImage(
    params: ParamsOf<'image.export'>,
    options: CallOptions = {},
  ): Promise<Download & { readonly name: string }> {
    const { stream, name } = await this.call('image.export', params, options);
    return { name, ...openDownload(await this.#attach(stream, options.signal)) };
  }

  /** Opens the way for an archive or a bundle, to be pulled over this connection. */
  async sendImage(options: CallOptions = {}): Promise<Upload> {
    const { stream } = await this.call('image.receive', {}, options);
    return openUpload(await this.#attach(stream, options.signal));
  }

  /** Opens the way for a file or tree into a guest. */
  async copyIn(params: ParamsOf<'vm.copyIn'>, options: CallOptions = {}): Promise<CopyIn> {
    const { stream } = await this.call('vm.copyIn', params, options);
    return openCopyIn(await this.#attach(stream, options.signal));
  }

  /** Opens a VM's console; it ends by itself unless followed, and by being destroyed. */
  async logs(params: ParamsOf<'vm.logs'>, options: CallOptions = {}): Promise<Readable> {
    const { stream } = await this.call('vm.logs', params, options);
    return openLogStream(await this.#attach(stream, options.signal));
  }

  /** Opens the stream of what happens in the daemon, JSON lines; it ends by being destroyed. */
  async events(params: ParamsOf<'events.watch'>, options: CallOptions = {}): Promise<Readable> {
    const { stream } = await this.call('events.watch', params, options);
    return openLogStream(await this.#attach(stream, options.signal));
  }

  /**
   * Ends the connection and its byte streams: calls at work are cancelled, ephemeral VMs of this client are deleted.
   * Harmless when repeated.
   */
  close(): void {
    this.#rpc.close();
    for (const stream of this.#streams) stream.destroy();
  }

  /** Picks a promised byte stream up, on a connection of its own. */
  async #attach(token: string, signal?: AbortSignal): Promise<Duplex> {
    const connection = await this.#dial(signal);
    this.#streams.add(connection);
    connection.once('close', () => this.#streams.delete(connection));
    // Who uses the stream is told by it; between its owners nobody listens.
    connection.on('error', () => undefined);
    try {
      return await attachStream(connection, token, signal);
    } catch (error) {
      throw toClientError(error);
    }
  }
}

/** For those who need a daemon and find none. */
export function noDaemon(socket: string): BangerError {
  return new BangerError('daemon_unreachable', 'No daemon is running.', {
    hint: 'The next command that needs a daemon starts one.',
    details: { socket },
  });
}
