import { defineCommand, type CommandContext } from '../../command.ts';
import { sendInput } from '../../copy/send-input.ts';
import { detachOption, startDetached } from '../../options/detach.ts';
import { absoluteImage, parseImage } from '../../options/image.ts';
import { kernelChoice, kernelChoiceOptions } from '../../options/kernel-files.ts';
import { parseStoredName } from '../../options/names.ts';
import { parseRootBytes } from '../../options/size.ts';
import { usageError } from '../../options/usage.ts';

/** As an image: what comes on standard input, an archive or a bundle, or what is said to be a root file system. */
const STANDARD_INPUT = /^(tarball:)?-$/;

export const command = defineCommand({
  details:
    'An image of the catalog; else one of a registry, as [HOST[:PORT]/]NAME[:TAG][@DIGEST], by the logins of docker and podman; else one of this machine: oci:PATH[:NAME] (a layout), oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME]; else a bundle that image export wrote: FILE.tar.zst, or bundle:FILE; else tarball:FILE, a plain archive (tar, packed by gzip or zstd or not) of a root file system, of which image export makes a bundle. From standard input: - is an archive or a bundle, tarball:- a root file system. One that is here already is left as it is. Prints its name.',
  args: '<image>',
  options: {
    name: {
      flags: '--name <new-name>',
      text: 'what it is called here (default: app-1.2 for team/app:1.2)',
      parse: parseStoredName,
    },
    size: {
      flags: '--size <size>',
      text: 'its root file system, as 8G (default: 8G, or what it needs)',
      parse: parseRootBytes,
    },
    ...kernelChoiceOptions,
    ...detachOption,
  },
  examples: [
    ['banger image pull debian-bookworm', 'what vm run would fetch by itself'],
    ['banger image pull alpine:3.19', 'from a registry: Docker Hub, as no host is named'],
    ['banger image pull --name app registry.example/team/app:1.2', 'under a name of your own'],
    ['banger image pull --kernel ./bzImage app', 'with a kernel of your own, imported with it'],
    ['banger image pull oci-archive:app.tar', 'what podman save or skopeo copy wrote'],
    ['banger image pull --name app ./app-0123456789ab.tar.zst', 'what image export wrote'],
    ['banger image pull tarball:root.tar.gz', 'a root file system in a plain archive'],
    ['podman save --format oci-archive app | banger image pull --name app -', 'standard input'],
    ['docker export box | banger image pull --name box tarball:-', 'what a container has come to'],
    ['banger image pull -d debian-bookworm-systemd', 'in the background; follow it with operation watch'],
  ],
  run: async (context, { options, ...input }) => {
    const { name, size } = options;
    const [sent, tarball = ''] = STANDARD_INPUT.exec(input.name) ?? [];
    const isInput = sent !== undefined;
    if (isInput) checkInput(context, options);
    const kernel = kernelChoice(options, context.machine.cwd);
    const image = isInput
      ? `${tarball}upload:${await sendInput(context)}`
      : absoluteImage(parseImage(input.name), context.machine.cwd);
    const params = {
      image,
      ...(name === undefined ? {} : { name }),
      ...(size === undefined ? {} : { rootBytes: size }),
      ...(kernel === undefined ? {} : { kernel }),
    };
    const label = `Pulling image ${isInput ? name : image}`;
    if (options.detach) return startDetached(context, 'image.pull', params, label);
    return { view: { kind: 'image.made', data: await context.call('image.pull', params, label) } };
  },
});

function checkInput(
  { machine }: CommandContext,
  { name, detach }: { readonly name?: string; readonly detach?: true },
): void {
  if (name === undefined)
    throw usageError('--name is missing.', 'Standard input has no name: write --name NAME.');
  if (detach)
    throw usageError(
      '-d and standard input cannot go together.',
      'What is sent goes when the command that sends it does.',
    );
  if (machine.stdin.isTTY === true)
    throw usageError(
      'Standard input is a terminal.',
      'Send an archive: banger image pull --name app - <app.tar',
    );
}
