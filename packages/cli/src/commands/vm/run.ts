import { BangerError } from '@banger/contract/error';
import type { VmView } from '@banger/contract/vm';
import { defineCommand, type CommandInput } from '../../command.ts';
import { quoted, usageError } from '../../options/usage.ts';
import { leaving, sessionOptions, waitOption, wishOf, wishOptions } from '../../options/vm-options.ts';
import { deleteAfter, remind } from '../../session/aftermath.ts';
import { announcePlan } from '../../session/announce.ts';
import { createAndStart } from '../../session/create.ts';
import { execRequest } from '../../session/request.ts';
import { runSession } from '../../session/session.ts';
import { withKeyboard } from '../../session/with-keyboard.ts';

const options = {
  ...wishOptions,
  ...waitOption,
  ...sessionOptions,
  rm: { flags: '--rm', text: 'delete the VM when the session ends' },
  detach: { flags: '-d, --detach', text: 'print the name and return; the VM runs on' },
  dryRun: { flags: '--dry-run', text: 'print the plan; make, fetch and start nothing' },
} as const;

export const command = defineCommand({
  details: `Without a command: a login shell, on a terminal or reading its input; where the image has no shell, what it is made to run. The exit status is the command's own; 128+n when signal n ended it; 126 and 127 when it cannot be executed or is not there; 125 for a failure of banger. ${leaving}`,
  args: '[repository]',
  options,
  rest: 'dashes',
  session: true,
  examples: [
    ['banger vm run', 'a fresh Debian, and a shell in it'],
    ['banger vm run --rm -- uname -a', 'run one command, exit with its status, leave nothing'],
    ['banger vm run --name box --memory 4G --vcpu 4', 'a larger machine, with a name'],
    ['banger vm run -d --name web', 'leave it running in the background'],
    ['echo "uname -a" | banger vm run --rm', 'a script from standard input'],
    ['banger vm run --dry-run --memory 2G', 'see what would be made'],
  ],
  run: async (context, input) => {
    const { options: given, rest = [] } = input;
    refuse(input);
    const wish = wishOf(given, context.machine);
    if (given.dryRun) {
      return { view: { kind: 'vm.plan', data: await context.call('vm.plan', wish, 'Planning') } };
    }
    const ephemeral = given.rm === true;
    const make = async (): Promise<VmView> => {
      const plan = await context.call('vm.plan', wish, 'Planning');
      announcePlan(plan, context.reporter);
      return createAndStart(context, plan, { ephemeral, waitInit: given.wait === 'init' });
    };
    if (given.detach) return { view: { kind: 'vm.made', data: await make() } };

    return withKeyboard(context.machine, given, rest, async (keyboard) => {
      const vm = await make();
      try {
        const request = execRequest(vm.id, rest, given, [], context.machine);
        const asked = rest.length === 0 ? { ...request, orImageCommand: true } : request;
        return { status: await runSession(context, asked, keyboard) };
      } finally {
        // The terminal is put back first: what is told from here on is written for one that breaks lines by itself.
        keyboard?.close();
        await (ephemeral ? deleteAfter : remind)(context, vm);
      }
    });
  },
});

/** What makes no sense together, refused before anything is asked of the daemon. */
function refuse({ args, options: given, rest }: CommandInput<typeof options>): void {
  const [path] = args;
  if (path !== undefined) {
    throw new BangerError('not_supported', `vm run cannot take a workspace (${quoted(path)}) yet.`, {
      hint: 'Leave the path out. A command is written behind --, as in: banger vm run -- uname -a',
    });
  }
  if (!given.detach) return;
  const against = [
    ['--rm', given.rm],
    ['a command', rest],
    ['--tty', given.tty],
    ['--user', given.user],
    ['--workdir', given.workdir],
  ].find(([, value]) => value !== undefined);
  if (against !== undefined) {
    throw usageError(
      `--detach cannot be combined with ${String(against[0])}.`,
      'Nothing waits for the VM to delete it or to run in it.',
    );
  }
}
