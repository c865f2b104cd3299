import type { KernelView } from '@banger/contract/kernel';
import { sections } from './sections.ts';
import { table } from './table.ts';
import { bytesText, timeText } from './units.ts';
import type { Renderer } from './view.ts';

/** `kernel list`. */
export const renderKernelList: Renderer<'kernel.list'> = (kernels, screen) =>
  screen.quiet
    ? kernels.map(({ name }) => name).join('\n')
    : table<KernelView>(
        kernels,
        [
          { title: 'NAME', text: ({ name }) => name, shrinks: true },
          { title: 'HERE', text: ({ present }) => (present ? 'yes' : 'no') },
          { title: 'DISTRIBUTION', text: ({ distribution }) => distribution },
          { title: 'RELEASE', text: ({ release, version }) => release || version || '-', shrinks: true },
          {
            title: 'ON DISK',
            text: ({ present, diskUsedBytes }) => (present ? bytesText(diskUsedBytes) : '-'),
          },
          { title: 'SOURCE', text: ({ source }) => source, shrinks: true },
          { title: 'USED BY', text: usersText, shrinks: true, optional: true },
        ],
        screen,
      );

/** `kernel show`. */
export const renderKernel: Renderer<'kernel.show'> = (kernel, screen) =>
  screen.quiet
    ? kernel.name
    : sections(
        [
          {
            title: '',
            rows: [
              ['Name', kernel.name],
              ['Here', kernel.present ? 'yes' : `no, get it with: banger kernel pull ${kernel.name}`],
              ['Distribution', kernel.distribution],
              ['Architecture', kernel.arch],
              ['Release', kernel.release],
              ['Version', kernel.version],
              ['SHA-256', kernel.sha256],
              ['Source', kernel.source],
              ['On disk', kernel.present ? bytesText(kernel.diskUsedBytes) : ''],
              ['Created', kernel.present ? timeText(kernel.createdAt) : ''],
              ['Used by', usersText(kernel)],
            ],
          },
        ],
        screen,
      );

function usersText({ usedBy, usedByImages }: KernelView): string {
  return [...usedBy, ...usedByImages.map((image) => `image ${image}`)].join(', ');
}

/** `kernel pull` and `kernel import`: the name alone, for the next command. */
export const renderKernelMade: Renderer<'kernel.made'> = ({ name }) => name;
