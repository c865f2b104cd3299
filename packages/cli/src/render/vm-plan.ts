import { sections } from './sections.ts';
import { bytesText, mibText } from './units.ts';
import type { Renderer } from './view.ts';
import { networkText } from './vm-text.ts';

/** `vm run --dry-run`: what would be made, and where each value comes from. */
export const renderPlan: Renderer<'vm.plan'> = ({ spec, origins, fetches, writes, vmm }, screen) => {
  const row = (label: string, key: string, value: string): readonly [string, string] => [
    label,
    origins[key] === undefined ? value : `${value}  (${origins[key]})`,
  ];
  return sections(
    [
      {
        title: 'Would make',
        rows: [
          row('Name', 'name', spec.name),
          row('Image', 'image', spec.image),
          row('Kernel', 'kernel', spec.kernel),
          row('CPUs', 'vcpu', String(spec.vcpu)),
          row('Memory', 'memoryMib', mibText(spec.memoryMib)),
          row('Work disk', 'diskBytes', bytesText(spec.diskBytes)),
          row('Root disk', 'rootBytes', bytesText(spec.rootBytes)),
          row('Network', 'network', networkText(spec)),
          ...spec.env.map((variable, index) => [index === 0 ? 'Environment' : '', variable] as const),
          ['VMM', vmm],
        ],
      },
      {
        title: 'Would fetch first',
        rows: fetches.map(({ action, name, source }) => [
          action === 'image.pull' ? 'Image' : 'Kernel',
          `${name}  (${source})`,
        ]),
      },
      { title: 'Would write', rows: writes.map((path, index) => [String(index + 1), path]) },
    ],
    screen,
  );
};
