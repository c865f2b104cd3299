import { BangerError } from '@banger/contract/error';
import type { VmExec } from '@banger/contract/exec';
import type { StoredImage } from '../../drivers/image/driver.ts';
import { noImageDefaults, type ImageDefaults } from '../../domain/image-defaults.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { isVariable } from './environment.ts';

/** What an image that others made says of its use. */
export interface ImageWords {
  readonly shell: boolean;
  readonly config: Omit<ImageDefaults, 'shell'>;
}

/** What a VM of that image keeps of it. Variables that could not be set are left out, as container engines do. */
export function imageDefaultsOf({ shell, config }: ImageWords): ImageDefaults {
  const { env, cwd, user, entrypoint, cmd } = config;
  return {
    shell,
    env: env.filter(isVariable),
    cwd: cwd === '' || cwd.startsWith('/') ? cwd : `/${cwd}`,
    user,
    // Dockerfiles clear an inherited one with [""].
    entrypoint: entrypoint.join('') === '' ? [] : entrypoint,
    cmd: cmd.join('') === '' ? [] : cmd,
  };
}

/** What the row of a VM keeps of its image. */
export function saidBy({ manifest }: Pick<StoredImage, 'manifest'>): Pick<VmRow, 'init' | 'imageDefaults'> {
  const { init } = manifest;
  if (manifest.source === 'recipe') return { init, imageDefaults: noImageDefaults };
  if (!('config' in manifest)) return { init, imageDefaults: { ...noImageDefaults, shell: manifest.shell } };
  const said = imageDefaultsOf(manifest);
  // An init that is the image's command runs already, as process 1.
  return { init, imageDefaults: init === 'agent' ? said : { ...said, entrypoint: [], cmd: [] } };
}

/** What is to be run in a guest, nothing of it left open but the home of the user. */
export interface ResolvedCommand {
  /** Empty: the user's shell. */
  readonly argv: readonly string[];
  /** The shell is no login shell: the profile of most images sets PATH, and this image has one of its own. */
  readonly plain: boolean;
  readonly user: string | undefined;
  readonly cwd: string | undefined;
  /** The directory is the image's: container engines make it when it is not there. */
  readonly makeCwd: boolean;
}

/**
 * Fills what the caller leaves open with what the image says. An entry point is never put before the caller's own words: a VM is
 * a machine, and in it runs what was typed. Throws `shell_not_found` when a shell or else the image's own command was asked for, and the
 * image has neither.
 */
export function resolveCommand(
  image: ImageDefaults,
  { argv, user, cwd, orImageCommand }: Pick<VmExec, 'argv' | 'user' | 'cwd' | 'orImageCommand'>,
): ResolvedCommand {
  const wantsOwn = argv.length === 0 && orImageCommand === true && !image.shell;
  return {
    argv: wantsOwn ? ownCommand(image) : argv,
    plain: image.env.some((variable) => variable.startsWith('PATH=')),
    user: user ?? orNothing(image.user),
    cwd: cwd ?? orNothing(image.cwd),
    makeCwd: cwd === undefined && image.cwd !== '',
  };
}

/** As `docker run IMAGE` puts it together. */
function ownCommand({ entrypoint, cmd }: ImageDefaults): readonly string[] {
  const argv = [...entrypoint, ...cmd];
  if (argv.length > 0) return argv;
  throw new BangerError('shell_not_found', 'The image has no shell, and does not say what to run in it.', {
    hint: 'Say what to run, as in: banger vm run --image IMAGE -- /bin/program',
  });
}

function orNothing(text: string): string | undefined {
  return text === '' ? undefined : text;
}
