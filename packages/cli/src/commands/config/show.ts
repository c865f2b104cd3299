import { BangerError } from '@banger/contract/error';
import type { ErrorCode } from '@banger/contract/error-codes';
import { defineCommand } from '../../command.ts';
import { exitStatus } from '../../exit-status.ts';

export const command = defineCommand({
  details:
    'The daemon reads the file once, at its start; this tells when the file says something else by now. The exit status is 1 when the file cannot be used. Nothing of banger writes the file.',
  options: {},
  examples: [
    ['banger config show', 'each key, its value, and where that came from'],
    ['banger config show --json', 'the same for programs, with the path of the file'],
  ],
  run: async (context) => {
    const data = await context.call('config.show', {}, 'Reading the configuration');
    const view = { kind: 'config.show', data } as const;
    if (data.now.state !== 'invalid') return { view };
    const { code, message, hint } = data.now;
    context.showError(new BangerError(code as ErrorCode, message, { hint }));
    return { view, status: exitStatus.failed };
  },
});
