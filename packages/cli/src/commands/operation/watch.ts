import { PassThrough } from 'node:stream';
import type { OperationOutcome } from '@banger/contract/operation';
import { defineCommand, type CommandContext } from '../../command.ts';
import { jsonText } from '../../render/json.ts';
import { toldError } from '../../told-error.ts';
import { exitStatus } from '../../exit-status.ts';

export const command = defineCommand({
  details:
    'Shows its progress, whoever began it, and ends as it does: with status 1 when it failed or was cancelled. Ctrl-C ends the watching alone. As JSON, each event is an object on a line, {"progress": …}, and the last line is {"operation": …}.',
  args: '<operation>',
  options: {},
  examples: [
    ['banger operation watch 3f9c1d20ab47', 'wait for it, and see how far it is'],
    ['banger op watch 3f9c --json', 'for programs, a line for each event'],
  ],
  run: async (context, { name }) => {
    if (context.json) return { status: statusOf(await watchAsLines(context, name)) };
    const operation = await context.call('operation.watch', { operation: name }, `Watching ${name}`);
    if (operation.error !== undefined) throw toldError(operation.error, { operation: operation.id });
    return { view: { kind: 'operation.show', data: operation } };
  },
});

async function watchAsLines(context: CommandContext, name: string): Promise<OperationOutcome> {
  const client = await context.client();
  const lines = new PassThrough();
  const copied = context.copyOut(lines);
  const line = (value: unknown): void => void lines.write(`${jsonText(value)}\n`);
  try {
    const options = { signal: context.signal, onProgress: (progress: unknown) => line({ progress }) };
    const operation = await client.call('operation.watch', { operation: name }, options);
    line({ operation });
    return operation;
  } finally {
    lines.end();
    await copied;
  }
}

function statusOf({ error }: OperationOutcome): number {
  return error === undefined ? exitStatus.done : exitStatus.failed;
}
