import type { MethodName, ParamsOf } from '@banger/contract/methods';
import type { CommandContext, OptionRows, Outcome } from '../command.ts';

/** For commands whose work may go on without them. */
export const detachOption = {
  detach: { flags: '-d, --detach', text: 'print the id of the operation and return; it goes on by itself' },
} as const satisfies OptionRows;

/** Begins a call that goes on when this program has ended. */
export async function startDetached<M extends MethodName>(
  context: CommandContext,
  method: M,
  params: ParamsOf<M>,
  label: string,
): Promise<Outcome> {
  const operation = await context.call('operation.start', { method, params: { ...params } }, label);
  context.reporter.notice(`It goes on by itself. Follow it with: banger operation watch ${operation.id}`);
  return { view: { kind: 'operation.started', data: operation } };
}
