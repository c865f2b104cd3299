import type { Command } from './command.ts';
import type { CommandEntry, CommandTree, GroupEntry } from './command-tree.ts';

const vm: GroupEntry = {
  name: 'vm',
  summary: 'Make, run and look at VMs',
  commands: [
    entry(
      'run',
      'Make a VM, start it, and open a shell or run a command in it',
      async () => (await import('./commands/vm/run.ts')).command,
    ),
    entry('create', 'Make a VM and start it', async () => (await import('./commands/vm/create.ts')).command),
    entry('start', 'Start stopped VMs', async () => (await import('./commands/vm/start.ts')).command),
    entry(
      'stop',
      'Stop VMs: the guest writes its data and powers off',
      async () => (await import('./commands/vm/stop.ts')).command,
    ),
    entry(
      'kill',
      "Send a signal to VMs' VMM; unwritten data is lost",
      async () => (await import('./commands/vm/kill.ts')).command,
    ),
    entry(
      'restart',
      'Stop VMs and start them again',
      async () => (await import('./commands/vm/restart.ts')).command,
    ),
    entry(
      'delete',
      'Delete VMs with their disks',
      async () => (await import('./commands/vm/delete.ts')).command,
      ['rm'],
    ),
    entry('set', 'Change what VMs are made of', async () => (await import('./commands/vm/set.ts')).command),
    entry(
      'reset',
      'Give VMs a fresh root disk; the work disk stays',
      async () => (await import('./commands/vm/reset.ts')).command,
    ),
    entry(
      'protect',
      'Keep VMs from being deleted, reset or pruned',
      async () => (await import('./commands/vm/protect.ts')).command,
    ),
    entry(
      'unprotect',
      'Let VMs be deleted, reset and pruned again',
      async () => (await import('./commands/vm/unprotect.ts')).command,
    ),
    entry(
      'prune',
      'Delete the VMs that nobody uses',
      async () => (await import('./commands/vm/prune.ts')).command,
    ),
    entry('list', 'List VMs', async () => (await import('./commands/vm/list.ts')).command, ['ls']),
    entry(
      'show',
      'Show all that is known of a VM',
      async () => (await import('./commands/vm/show.ts')).command,
    ),
    entry('ping', 'Ask whether VMs answer', async () => (await import('./commands/vm/ping.ts')).command),
    entry(
      'stats',
      'Show what VMs use of CPU, memory, disks and network',
      async () => (await import('./commands/vm/stats.ts')).command,
    ),
    entry(
      'ports',
      'List what programs in VMs listen on',
      async () => (await import('./commands/vm/ports.ts')).command,
    ),
    entry('logs', "Show a VM's console", async () => (await import('./commands/vm/logs.ts')).command),
    entry(
      'exec',
      'Run a command in a running VM',
      async () => (await import('./commands/vm/exec.ts')).command,
    ),
    entry(
      'cp',
      'Copy files and trees into a running VM and out of it',
      async () => (await import('./commands/vm/cp.ts')).command,
      ['copy'],
    ),
    entry(
      'shell',
      'Open a shell in a running VM',
      async () => (await import('./commands/vm/shell.ts')).command,
    ),
  ],
};

const image: GroupEntry = {
  name: 'image',
  summary: 'Fetch and look at images',
  commands: [
    entry('pull', 'Fetch or build an image', async () => (await import('./commands/image/pull.ts')).command),
    entry('list', 'List images', async () => (await import('./commands/image/list.ts')).command, ['ls']),
    entry(
      'show',
      'Show all that is known of an image',
      async () => (await import('./commands/image/show.ts')).command,
    ),
    entry(
      'register',
      'Use a root file system of your own as an image',
      async () => (await import('./commands/image/register.ts')).command,
    ),
    entry(
      'promote',
      'Copy the files of registered images, so that yours may change',
      async () => (await import('./commands/image/promote.ts')).command,
    ),
    entry(
      'export',
      'Write an image into one file, to be pulled elsewhere',
      async () => (await import('./commands/image/export.ts')).command,
    ),
    entry(
      'delete',
      'Delete images that no VM uses',
      async () => (await import('./commands/image/delete.ts')).command,
      ['rm'],
    ),
  ],
  groups: [
    {
      name: 'cache',
      summary: 'Look after the layers that were fetched',
      commands: [
        entry(
          'prune',
          'Remove layers that were fetched',
          async () => (await import('./commands/image/cache/prune.ts')).command,
        ),
      ],
    },
  ],
};

const kernel: GroupEntry = {
  name: 'kernel',
  summary: 'Fetch, import and look at kernels',
  commands: [
    entry('pull', 'Fetch a kernel', async () => (await import('./commands/kernel/pull.ts')).command),
    entry(
      'import',
      'Take a kernel from a file or directory',
      async () => (await import('./commands/kernel/import.ts')).command,
    ),
    entry('list', 'List kernels', async () => (await import('./commands/kernel/list.ts')).command, ['ls']),
    entry(
      'show',
      'Show all that is known of a kernel',
      async () => (await import('./commands/kernel/show.ts')).command,
    ),
    entry(
      'delete',
      'Delete kernels that nothing uses',
      async () => (await import('./commands/kernel/delete.ts')).command,
      ['rm'],
    ),
  ],
};

const daemon: GroupEntry = {
  name: 'daemon',
  summary: 'Look at the daemon, or stop it',
  commands: [
    entry(
      'status',
      'Tell whether a daemon runs, and what it does',
      async () => (await import('./commands/daemon/status.ts')).command,
    ),
    entry(
      'stop',
      'Stop the daemon; VMs go on running',
      async () => (await import('./commands/daemon/stop.ts')).command,
    ),
    entry('logs', "Show the daemon's log", async () => (await import('./commands/daemon/logs.ts')).command),
  ],
};

const config: GroupEntry = {
  name: 'config',
  summary: 'Look at the configuration',
  commands: [
    entry(
      'show',
      'Show every value that holds, and where it came from',
      async () => (await import('./commands/config/show.ts')).command,
    ),
    entry(
      'path',
      'Tell where the configuration file lies',
      async () => (await import('./commands/config/path.ts')).command,
    ),
  ],
};

const operation: GroupEntry = {
  name: 'operation',
  aliases: ['op'],
  summary: 'Look at what is being done, or cancel it',
  commands: [
    entry(
      'list',
      'List the operations at work',
      async () => (await import('./commands/operation/list.ts')).command,
      ['ls'],
    ),
    entry(
      'show',
      'Show all that is known of an operation',
      async () => (await import('./commands/operation/show.ts')).command,
    ),
    entry(
      'watch',
      'Follow an operation to its end',
      async () => (await import('./commands/operation/watch.ts')).command,
    ),
    entry(
      'cancel',
      'Have operations end early, and undone',
      async () => (await import('./commands/operation/cancel.ts')).command,
    ),
  ],
};

const alone: readonly CommandEntry[] = [
  entry(
    'df',
    'Show what images, kernels and VMs take on disk',
    async () => (await import('./commands/df.ts')).command,
  ),
  entry('ps', 'List VMs (the same as vm list)', async () => (await import('./commands/vm/list.ts')).command),
  entry(
    'doctor',
    'Check what this host has and can do',
    async () => (await import('./commands/doctor.ts')).command,
  ),
  entry(
    'events',
    'Show what happens: VMs, operations, images and kernels',
    async () => (await import('./commands/events.ts')).command,
  ),
  entry(
    'gc',
    'Remove what killed programs left behind',
    async () => (await import('./commands/gc.ts')).command,
  ),
  entry(
    'version',
    'Show the versions of banger and of its daemon',
    async () => (await import('./commands/version.ts')).command,
  ),
  entry(
    'completion',
    'Print the completion script for bash, zsh or fish',
    async () => (await import('./commands/completion.ts')).command,
  ),
  {
    ...entry('complete', 'Tell what can stand next on a command line', async () =>
      (await import('./commands/complete.ts')).completeIn(registry),
    ),
    hidden: true,
  },
];

/** The commands that there are. */
export const registry: CommandTree = {
  groups: [vm, image, kernel, config, daemon, operation],
  commands: alone,
};

function entry(
  name: string,
  summary: string,
  load: () => Promise<Command>,
  aliases: readonly string[] = [],
): CommandEntry {
  return { name, summary, load, aliases, hidden: false };
}
