import { defineCommand } from '../../command.ts';
import { parseEnv, resolveEnv } from '../../options/env.ts';
import { usageError } from '../../options/usage.ts';
import { leaving, sessionOptions } from '../../options/vm-options.ts';
import { execRequest } from '../../session/request.ts';
import { runSession } from '../../session/session.ts';
import { withKeyboard } from '../../session/with-keyboard.ts';

export const command = defineCommand({
  details: `The words of the command reach the VM untouched: no shell joins or splits them. The exit status is the command's own; 128+n when signal n ended it; 126 and 127 when it cannot be executed or is not there; 125 for a failure of banger. ${leaving}`,
  args: '<name>',
  options: {
    ...sessionOptions,
    env: {
      flags: '-e, --env <NAME=value>',
      text: 'a variable for the command; NAME alone passes yours on; repeatable',
      parse: parseEnv,
      repeat: true,
    },
  },
  rest: 'operands',
  session: true,
  examples: [
    ['banger vm exec box -- uname -a', 'run a command'],
    ["banger vm exec box -- sh -c 'exit 42'; echo $?", 'its exit status is ours'],
    ['banger vm exec -t box -- htop', 'give it a terminal'],
    ['tar c . | banger vm exec box -- tar x -C /root', 'stream into it'],
    ['banger vm exec --user nobody --workdir /tmp box -- id', 'as another user, in another directory'],
  ],
  run: async (context, { name, options, rest }) => {
    if (rest === undefined) {
      throw usageError(
        'There is no command to run.',
        `Write it behind --. For a shell: banger vm shell ${name}`,
      );
    }
    const env = resolveEnv(options.env ?? [], context.machine.env);
    const request = execRequest(name, rest, options, env, context.machine);
    const status = await withKeyboard(context.machine, options, rest, (keyboard) =>
      runSession(context, request, keyboard),
    );
    return { status };
  },
});
