import type { OperationView } from '@banger/contract/operation';
import { amountText } from '../progress/stage-text.ts';
import { sections } from './sections.ts';
import type { Tone } from './style.ts';
import { table } from './table.ts';
import { durationText, timeText } from './units.ts';
import type { Renderer } from './view.ts';

/** What is done to what, as `image.pull debian-bookworm`. */
export function subjectText({ method, on }: Pick<OperationView, 'method' | 'on'>): string {
  return on === undefined ? method : `${method} ${on.name}`;
}

/** `operation list`. */
export const renderOperationList: Renderer<'operation.list'> = (operations, screen) =>
  screen.quiet
    ? operations.map(({ id }) => id).join('\n')
    : table<OperationView>(
        operations,
        [
          { title: 'ID', text: ({ id }) => id },
          { title: 'OPERATION', text: ({ method }) => method },
          { title: 'ON', text: ({ on }) => on?.name ?? '', shrinks: true, optional: true },
          { title: 'STATE', text: ({ state }) => state, tone: stateTone },
          { title: 'TIME', text: (operation) => tookText(operation, screen.now) },
          { title: 'CLIENT', text: clientText },
          { title: 'STAGE', text: noteText, shrinks: true, optional: true },
        ],
        screen,
      );

/** `operation show`, and the end of `operation watch`. */
export const renderOperation: Renderer<'operation.show'> = (operation, screen) =>
  screen.quiet
    ? operation.state
    : sections(
        [
          {
            title: '',
            rows: [
              ['Id', operation.id],
              ['Operation', operation.method],
              ['On', operation.on === undefined ? '' : `${operation.on.kind} ${operation.on.name}`],
              ['Client', clientText(operation)],
              ['Detached', operation.detached ? 'yes, it goes on when its client leaves' : ''],
              ['State', operation.state],
              ['Stage', operation.state === 'running' ? stageLine(operation) : ''],
              ['Reason', operation.error?.message ?? ''],
              ['Hint', operation.error?.hint ?? ''],
              ['Begun', timeText(operation.startedAt)],
              ['Ended', operation.endedAt === undefined ? '' : timeText(operation.endedAt)],
              ['Time', tookText(operation, screen.now)],
            ],
          },
        ],
        screen,
      );

/** `image pull --detach` and the like: the id alone, for the next command. */
export const renderOperationStarted: Renderer<'operation.started'> = ({ id }) => id;

function stateTone({ state }: OperationView): Tone | undefined {
  return ({ running: 'green', done: 'dim', failed: 'red', cancelled: 'yellow' } as const)[state];
}

function clientText({ client }: OperationView): string {
  return client === undefined ? '-' : `process ${client}`;
}

/** The stage of one at work; of one that did not succeed, why. */
function noteText(operation: OperationView): string {
  if (operation.state === 'running') return stageLine(operation);
  return operation.error === undefined
    ? ''
    : `${operation.error.code}: ${operation.error.message.split('\n')[0]}`;
}

function stageLine(operation: OperationView): string {
  return [operation.stage, operation.detail, amountText(operation)].filter((part) => part !== '').join(' · ');
}

function tookText({ startedAt, endedAt }: OperationView, now: number): string {
  return durationText((endedAt === undefined ? now : Date.parse(endedAt)) - Date.parse(startedAt));
}
