import type { ImageView } from '@banger/contract/image';
import { sections } from './sections.ts';
import { table } from './table.ts';
import { bytesText, timeText } from './units.ts';
import type { Renderer } from './view.ts';

/** `image list`. */
export const renderImageList: Renderer<'image.list'> = (images, screen) =>
  screen.quiet
    ? images.map(({ name }) => name).join('\n')
    : table<ImageView>(
        images,
        [
          { title: 'NAME', text: ({ name }) => name, shrinks: true },
          { title: 'HERE', text: ({ present }) => (present ? 'yes' : 'no') },
          { title: 'DISTRIBUTION', text: ({ distribution }) => distribution },
          { title: 'ARCH', text: ({ arch }) => arch, optional: true },
          { title: 'INIT', text: ({ init }) => init },
          { title: 'SIZE', text: ({ present, sizeBytes }) => (present ? bytesText(sizeBytes) : '-') },
          {
            title: 'ON DISK',
            text: ({ present, diskUsedBytes }) => (present ? bytesText(diskUsedBytes) : '-'),
          },
          {
            title: 'VMS',
            text: ({ usedBy }) => (usedBy.length === 0 ? '' : String(usedBy.length)),
            optional: true,
          },
          { title: 'SOURCE', text: ({ sources }) => sources.join(', '), shrinks: true, optional: true },
          { title: 'DESCRIPTION', text: ({ description }) => description, shrinks: true, optional: true },
        ],
        screen,
      );

/** `image show`. */
export const renderImage: Renderer<'image.show'> = (image, screen) =>
  screen.quiet
    ? image.name
    : sections(
        [
          {
            title: '',
            rows: [
              ['Name', image.name],
              ['Here', image.present ? 'yes' : `no, get it with: banger image pull ${image.name}`],
              ['Description', image.description],
              ['Distribution', image.distribution],
              ['Architecture', image.arch],
              ['Source', image.present ? image.source : image.sources.join('\n')],
              ['Reference', image.reference],
              ['Digest', image.digest],
              ['Layers', layersText(image.layers)],
              ...configRows(image.config),
              ['In care of', image.managed ? '' : 'you: the file must stay as it is'],
              ['Kernel', image.kernel],
              ['Init', image.init === 'agent' ? 'none, the agent is process 1' : image.init],
              ['Size', image.present ? bytesText(image.sizeBytes) : ''],
              ['On disk', image.present ? bytesText(image.diskUsedBytes) : ''],
              ['Created', image.present ? timeText(image.createdAt) : ''],
              ['Used by', image.usedBy.join(', ')],
            ],
          },
        ],
        screen,
      );

function layersText(layers: ImageView['layers']): string {
  const bytes = layers.reduce((sum, layer) => sum + layer.bytes, 0);
  return layers.length === 0 ? '' : `${layers.length}, ${bytesText(bytes)} as they came`;
}

/** How an image wants to be run. */
function configRows(config: ImageView['config']): [string, string][] {
  if (config === undefined) return [];
  const { entrypoint, cmd, user, cwd, env, exposedPorts } = config;
  return [
    ['Entrypoint', wordsText(entrypoint)],
    ['Command', wordsText(cmd)],
    ['User', user],
    ['Directory', cwd],
    ['Environment', env.join('\n')],
    ['Ports', exposedPorts.join(', ')],
  ];
}

/** Words of a command line, such that each is seen to begin and to end. */
function wordsText(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}

/** `image pull`: the name alone, for the next command. */
export const renderImageMade: Renderer<'image.made'> = ({ name }) => name;

/** `image export`: the file alone, for the next command. */
export const renderImageExported: Renderer<'image.exported'> = ({ file }) => file;
