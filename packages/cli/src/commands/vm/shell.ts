import { defineCommand } from '../../command.ts';
import { parseEnv, resolveEnv } from '../../options/env.ts';
import { leaving, sessionOptions } from '../../options/vm-options.ts';
import { remind } from '../../session/aftermath.ts';
import { execRequest } from '../../session/request.ts';
import { runSession } from '../../session/session.ts';
import { withKeyboard } from '../../session/with-keyboard.ts';

export const command = defineCommand({
  details: `The user's login shell. The exit status is the shell's own, and 125 for a failure of banger. ${leaving}`,
  args: '<name>',
  options: {
    ...sessionOptions,
    env: {
      flags: '-e, --env <NAME=value>',
      text: 'a variable for the shell; NAME alone passes yours on; repeatable',
      parse: parseEnv,
      repeat: true,
    },
  },
  session: true,
  examples: [
    ['banger vm shell box', 'a shell, as root'],
    ['banger vm shell --user nobody --workdir /tmp box', 'as another user, in another directory'],
    ['banger vm shell box < script.sh', 'a script from standard input'],
  ],
  run: async (context, { name, options }) => {
    const env = resolveEnv(options.env ?? [], context.machine.env);
    const { machine } = context;
    const { vm, status } = await withKeyboard(machine, options, [], async (keyboard) => {
      const shown = await context.call('vm.show', { vm: name }, `Looking at ${name}`);
      const request = execRequest(shown.id, [], options, env, machine);
      return { vm: shown, status: await runSession(context, request, keyboard) };
    });
    await remind(context, vm);
    return { status };
  },
});
