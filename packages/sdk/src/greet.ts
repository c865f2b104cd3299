import type { HelloResult } from '@banger/contract/daemon';
import { BangerError } from '@banger/contract/error';
import { PROTOCOL_VERSION } from '@banger/contract/protocol-version';
import type { RpcClient } from '@banger/rpc/client';
import { ConnectionLost, RpcError } from '@banger/rpc/errors';
import { cancelled, toClientError } from './call-errors.ts';

/** A daemon answers its greeting at once; one that is silent this long hangs, or its machine does. */
export const HELLO_MS = 10_000;

/**
 * The handshake, as a program of that build; undefined when the daemon was just ending. On failure the connection is
 * closed. Rejects with `daemon_unreachable` when no answer comes within `helloMs`, with `daemon_build_mismatch` when it is
 * refused, and with `cancelled`.
 */
export async function greet(
  rpc: RpcClient,
  build: string,
  { signal, helloMs = HELLO_MS }: { readonly signal?: AbortSignal; readonly helloMs?: number } = {},
): Promise<HelloResult | undefined> {
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    rpc.close();
  }, helloMs);
  const onAbort = (): void => rpc.close();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return (await rpc.call('daemon.hello', {
      protocol: PROTOCOL_VERSION,
      build,
      pid: process.pid,
    })) as HelloResult;
  } catch (error) {
    rpc.close();
    if (signal?.aborted === true) throw cancelled(error);
    if (silent)
      throw new BangerError('daemon_unreachable', `The daemon did not answer within ${helloMs / 1000} s.`);
    if (error instanceof ConnectionLost) return undefined;
    if (error instanceof RpcError) {
      throw new BangerError('daemon_build_mismatch', `The daemon refused the greeting: ${error.message}`, {
        cause: toClientError(error),
      });
    }
    throw toClientError(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}
