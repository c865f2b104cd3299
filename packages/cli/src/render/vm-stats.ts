import type { VmStats } from '@banger/contract/guest';
import { sections, type Section } from './sections.ts';
import { table } from './table.ts';
import { bytesText, durationText } from './units.ts';
import type { Renderer } from './view.ts';

/** `vm stats`: one VM in full, several as a table; names that failed are told as errors. */
export const renderStats: Renderer<'vm.stats'> = (items, screen) => {
  const all = items.flatMap((item) => (item.ok ? [item.result] : []));
  if (screen.quiet) return all.map(({ name }) => name).join('\n');
  const [only] = all;
  if (only === undefined) return '';
  if (items.length === 1)
    return sections([{ title: '', rows: [['Name', only.name]] }, onHost(only), inGuest(only)], screen);
  return table<VmStats>(
    all,
    [
      { title: 'NAME', text: ({ name }) => name, shrinks: true },
      { title: 'CPU', text: ({ host }) => shareText(host.cpus) },
      { title: 'MEMORY', text: ({ host }) => bytesText(host.residentBytes) },
      { title: 'IN GUEST', text: ({ guest }) => (guest === undefined ? '-' : memoryText(guest)) },
      { title: 'ROOT', text: (vm) => diskText(vm, 'root'), tone: (vm) => diskTone(vm, 'root') },
      { title: 'WORK', text: (vm) => diskText(vm, 'work'), tone: (vm) => diskTone(vm, 'work') },
      { title: 'LOAD', text: ({ guest }) => guest?.load.toFixed(2) ?? '-' },
      { title: 'UPTIME', text: ({ guest }) => (guest === undefined ? '-' : uptimeText(guest)) },
      { title: 'NOTE', text: noteOf, shrinks: true, optional: true },
    ],
    screen,
  );
};

function onHost({ host }: VmStats): Section {
  return {
    title: 'On the host',
    rows: [
      ['CPU', shareText(host.cpus)],
      ['Memory', bytesText(host.residentBytes)],
      ...host.disks.map(
        ({ disk, usedBytes, sizeBytes, full, nearlyFull }) =>
          [
            disk === 'root' ? 'Root disk' : 'Work disk',
            `${bytesText(usedBytes)} of ${bytesText(sizeBytes)}${nearlyFull ? `, ${shareText(full)} full!` : ''}`,
          ] as const,
      ),
    ],
  };
}

function inGuest({ guest, guestReason }: VmStats): Section {
  if (guest === undefined)
    return { title: 'In the guest', rows: [['Agent', `does not answer: ${guestReason}`]] };
  return {
    title: 'In the guest',
    rows: [
      ['CPU', shareText(guest.cpus)],
      ['Load', guest.load.toFixed(2)],
      ['Memory', memoryText(guest)],
      ['Processes', String(guest.processes)],
      ['Uptime', uptimeText(guest)],
      ['Received', bytesText(guest.network.receivedBytes)],
      ['Sent', bytesText(guest.network.sentBytes)],
      ...guest.fileSystems.map(
        ({ mountPoint, sizeBytes, freeBytes }) =>
          [mountPoint, `${bytesText(freeBytes)} free of ${bytesText(sizeBytes)}`] as const,
      ),
    ],
  };
}

function noteOf({ host, guest }: VmStats): string {
  const full = host.disks
    .filter(({ nearlyFull }) => nearlyFull)
    .map((disk) => `${disk.disk} disk ${shareText(disk.full)} full`);
  return [...(guest === undefined ? ['the agent does not answer'] : []), ...full].join(', ');
}

function diskText({ host }: VmStats, which: 'root' | 'work'): string {
  const found = host.disks.find(({ disk }) => disk === which);
  return found === undefined ? '-' : `${bytesText(found.usedBytes)}${found.nearlyFull ? '!' : ''}`;
}

function diskTone({ host }: VmStats, which: 'root' | 'work'): 'yellow' | undefined {
  return host.disks.some(({ disk, nearlyFull }) => disk === which && nearlyFull) ? 'yellow' : undefined;
}

function memoryText({ memory }: NonNullable<VmStats['guest']>): string {
  return `${bytesText(memory.usedBytes)} of ${bytesText(memory.totalBytes)}`;
}

function uptimeText({ uptimeSeconds }: NonNullable<VmStats['guest']>): string {
  return durationText(uptimeSeconds * 1000);
}

/** A share of one, as `93 %`; of CPU time `150 %` is one and a half CPUs at work. */
function shareText(share: number): string {
  return `${Math.round(share * 100)} %`;
}
