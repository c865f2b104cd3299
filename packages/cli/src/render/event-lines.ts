import type { DaemonEvent } from '@banger/contract/event';
import { escapeText } from './escape.ts';
import { subjectText } from './operations.ts';
import { durationText } from './units.ts';

/** An event of the daemon for a person, as `2026-01-31T12:00:00.000Z box: stopped -> starting`; a snapshot has a line for each thing. */
export function eventLine(line: string): string {
  const event = JSON.parse(line) as DaemonEvent;
  return textsOf(event)
    .map((text) => `${event.time} ${escapeText(text)}`)
    .join('\n');
}

function textsOf(event: DaemonEvent): string[] {
  switch (event.event) {
    case 'snapshot':
      return snapshotTexts(event);
    case 'dropped':
      return [`${event.count} events are missing here: they came faster than they were read`];
    case 'vm.made':
      return [`${event.vm}: made, ${event.state}`];
    case 'vm.changed':
      return [`${event.vm}: changed`];
    case 'vm.agent': {
      const [reason = ''] = event.reason.split('\n');
      return [`${event.vm}: its agent ${event.agent === 'ready' ? 'answers' : `is silent (${reason})`}`];
    }
    case 'port.opened':
    case 'port.closed': {
      const by = event.program === undefined ? '' : ` by ${event.program}`;
      return [`${event.vm}: ${event.protocol} port ${event.port} ${event.event.slice('port.'.length)}${by}`];
    }
    case 'vm.deleted':
      return [`${event.vm}: deleted`];
    case 'vm.state': {
      const step = event.phase === '' ? '' : ` at ${event.phase}`;
      const [reason = ''] = event.reason.split('\n');
      const states = event.from === event.to ? event.to : `${event.from} -> ${event.to}`;
      return [`${event.vm}: ${states}${step}${reason === '' ? '' : ` (${reason})`}`];
    }
    case 'operation.begun':
      return [`${subjectText(event)}: begun, operation ${event.operation}`];
    case 'operation.ended': {
      const why = event.error === undefined ? '' : `: ${event.error.message.split('\n')[0]}`;
      return [
        `${subjectText(event)}: ${event.state} after ${durationText(event.ms)}, operation ${event.operation}${why}`,
      ];
    }
    case 'image.added':
    case 'image.replaced':
    case 'image.removed':
      return [`image ${event.image}: ${event.event.slice('image.'.length)}`];
    case 'kernel.added':
    case 'kernel.replaced':
    case 'kernel.removed':
      return [`kernel ${event.kernel}: ${event.event.slice('kernel.'.length)}`];
  }
}

function snapshotTexts({ vms, operations }: Extract<DaemonEvent, { event: 'snapshot' }>): string[] {
  const texts = [
    ...vms.map(({ vm, state }) => `${vm}: is ${state}`),
    ...operations.map(
      (operation) => `${subjectText(operation)}: is at work, operation ${operation.operation}`,
    ),
  ];
  return texts.length === 0 ? ['there are no VMs, and nothing is at work'] : texts;
}
