import { defineCommand } from '../../command.ts';
import { detachOption, startDetached } from '../../options/detach.ts';
import { absoluteImage, parseImage } from '../../options/image.ts';
import { kernelChoice, kernelChoiceOptions } from '../../options/kernel-files.ts';
import { parseStoredName } from '../../options/names.ts';
import { parseRootBytes } from '../../options/size.ts';

export const command = defineCommand({
  details:
    'An image of the catalog; else one of a registry, as [HOST[:PORT]/]NAME[:TAG][@DIGEST], by the logins of docker and podman; else one of this machine: oci:PATH[:NAME] (a layout), oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME]; else a bundle that image export wrote: FILE.tar.zst, or bundle:FILE. One that is here already is left as it is. Prints its name.',
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
    ['banger image pull -d debian-bookworm-systemd', 'in the background; follow it with operation watch'],
  ],
  run: async (context, { options, ...input }) => {
    const image = absoluteImage(parseImage(input.name), context.machine.cwd);
    const { name, size } = options;
    const kernel = kernelChoice(options, context.machine.cwd);
    const params = {
      image,
      ...(name === undefined ? {} : { name }),
      ...(size === undefined ? {} : { rootBytes: size }),
      ...(kernel === undefined ? {} : { kernel }),
    };
    const label = `Pulling image ${image}`;
    if (options.detach) return startDetached(context, 'image.pull', params, label);
    return { view: { kind: 'image.made', data: await context.call('image.pull', params, label) } };
  },
});
