import { BangerError, toBangerError } from '@banger/contract/error';
import { fromRpcError } from '@banger/contract/rpc-error';
import { CallCancelled, ConnectionLost, LineTooLong, ProtocolFault, RpcError } from '@banger/rpc/errors';

/** What the transport rejects with, as an error of the contract's table. */
export function toClientError(error: unknown): BangerError {
  if (error instanceof RpcError) return fromRpcError(error);
  if (error instanceof CallCancelled) return cancelled(error);
  if (error instanceof LineTooLong)
    return new BangerError(
      'invalid_argument',
      `The call has ${error.bytes} bytes; the daemon takes at most ${error.limit} in one.`,
      { hint: 'Pass less as arguments, and more as input or in a file.' },
    );
  if (error instanceof ProtocolFault)
    return new BangerError('protocol_error', error.message, { cause: error });
  if (error instanceof ConnectionLost)
    return new BangerError('daemon_unreachable', 'The connection to the daemon was lost.', { cause: error });
  return toBangerError(error);
}

/** What a caller gets who gave up. */
export function cancelled(cause?: unknown): BangerError {
  return new BangerError('cancelled', 'The call was cancelled.', { cause });
}
