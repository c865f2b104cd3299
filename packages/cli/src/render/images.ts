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
              ['Source', image.source],
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

/** `image pull`: the name alone, for the next command. */
export const renderImageMade: Renderer<'image.made'> = ({ name }) => name;
