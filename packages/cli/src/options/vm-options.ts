import type { VmWish } from '@banger/contract/vm';
import type { OptionRows, OptionValues } from '../command.ts';
import type { Machine } from '../machine.ts';
import { parseChoice } from './choice.ts';
import { parseEnv, resolveEnv } from './env.ts';
import { absoluteImage, parseImage } from './image.ts';
import { parseStoredName, parseVmName } from './names.ts';
import { parseUser, parseWorkdir } from './session-values.ts';
import { parseDiskBytes, parseMemoryMib, parseRootBytes, parseVcpu } from './size.ts';

/** The options that say what a VM is made of, the same in `vm run` and `vm create`. */
export const wishOptions = {
  name: { flags: '--name <new-name>', text: 'name of the VM (default: a generated one)', parse: parseVmName },
  image: {
    flags: '--image <image>',
    text: 'image to boot, as image pull takes it (default: as configured, else debian-bookworm)',
    parse: parseImage,
  },
  kernel: {
    flags: '--kernel <kernel>',
    text: "kernel to boot (default: the image's)",
    parse: parseStoredName,
  },
  vcpu: {
    flags: '--vcpu <count>',
    text: 'virtual CPUs (default: as configured, else a quarter of the host)',
    parse: parseVcpu,
  },
  memory: {
    flags: '--memory <size>',
    text: 'memory, in MiB or with a unit, as 2G (default: as configured, else an eighth of the host)',
    parse: parseMemoryMib,
  },
  diskSize: { flags: '--disk-size <size>', text: 'work disk, at /root, as 8G', parse: parseDiskBytes },
  rootSize: {
    flags: '--root-size <size>',
    text: 'what the VM may use of its root disk, as 8G',
    parse: parseRootBytes,
  },
  network: {
    flags: '--network <kind>',
    text: 'user: a network of its own that reaches out; none: no network card',
    parse: parseChoice('user', 'none'),
  },
  noNat: { flags: '--no-nat', text: 'keep the VM from reaching the outside' },
  env: {
    flags: '-e, --env <NAME=value>',
    text: 'a variable for every command in the VM; NAME alone passes yours on; repeatable',
    parse: parseEnv,
    repeat: true,
  },
} as const satisfies OptionRows;

/** What to wait for before a VM counts as started. */
export const waitOption = {
  wait: {
    flags: '--wait <readiness>',
    text: "agent: commands can run (default); init: the image's own services are up too",
    parse: parseChoice('agent', 'init'),
  },
} as const satisfies OptionRows;

/** How a command in a VM is run, the same in `vm run`, `vm exec` and `vm shell`. */
export const sessionOptions = {
  user: {
    flags: '-u, --user <user[:group]>',
    text: "user in the VM, by name or number (default: the image's, else root)",
    parse: parseUser,
  },
  workdir: {
    flags: '-w, --workdir <directory>',
    text: "directory in the VM (default: the image's, else the user's home)",
    parse: parseWorkdir,
  },
  tty: { flags: '-t, --tty', text: 'give the command a terminal' },
  noTty: { flags: '--no-tty', text: 'give it none, even for a shell on a terminal' },
} as const satisfies OptionRows;

/** How a session is left, for the help of the same commands. */
export const leaving =
  'Signals, as of Ctrl-C, reach the command; the third within 5 s ends it, whatever it makes of them. On a terminal of its own, as a shell or with -t, Ctrl-C is a key like any other: Enter, ~ and . leave it, as in ssh, and end it.';

/** The wish that the options make up; absent values are left to the daemon. */
export function wishOf(
  options: OptionValues<typeof wishOptions>,
  { env: own, cwd }: Pick<Machine, 'env' | 'cwd'>,
): VmWish {
  const { name, image, kernel, vcpu, memory, diskSize, rootSize, network, noNat, env } = options;
  return {
    ...(name === undefined ? {} : { name }),
    ...(image === undefined ? {} : { image: absoluteImage(image, cwd) }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(vcpu === undefined ? {} : { vcpu }),
    ...(memory === undefined ? {} : { memoryMib: memory }),
    ...(diskSize === undefined ? {} : { diskBytes: diskSize }),
    ...(rootSize === undefined ? {} : { rootBytes: rootSize }),
    ...(network === undefined ? {} : { network }),
    ...(noNat === undefined ? {} : { outbound: false }),
    ...(env === undefined ? {} : { env: resolveEnv(env, own) }),
  };
}
