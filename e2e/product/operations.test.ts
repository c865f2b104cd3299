import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DaemonEvent } from '@banger/contract/event';
import type { OperationOutcome, OperationView } from '@banger/contract/operation';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, bangerJson, startBanger, type Outcome } from '../harness/banger.ts';
import { entries, processesOf, vmProcessesOf } from '../harness/leftovers.ts';
import { asked } from '../harness/seen.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { until } from '../harness/until.ts';

/** The operation of that method at work, once it is at the stage. */
function atWork(home: string, method: string, stage: RegExp): Promise<OperationView> {
  return until(`${method} to be at ${String(stage)}`, async () => {
    const operations = await asked(home, 'operation.list', { all: false });
    return operations.find((each) => each.method === method && stage.test(each.stage));
  });
}

const cancel = (home: string, { id }: OperationView): Promise<Outcome> =>
  banger(['op', 'cancel', id.slice(0, 6)], { home });

describe('a VM', () => {
  const home = sharedHome();
  const name = 'watched';
  const create = (): Promise<Outcome> =>
    banger(['vm', 'create', '--name', name, '--memory', '256'], { home });

  afterAll(async () => {
    await banger(['vm', 'delete', name], { home });
    expect(vmProcessesOf(home)).toEqual([]);
    expect(entries(home, 'run', 'vm')).toEqual([]);
    expect(entries(home, 'state', 'vms')).toEqual([]);
  });

  test('is told of in all that happens to it, in order, and its creation can be watched by others', async () => {
    const reader = startBanger(['events', '--json', '--vm', name], { home });
    const ended = once(reader, 'close');
    let text = '';
    reader.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const events = (): DaemonEvent[] =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as DaemonEvent);
    await until('the snapshot', async () => events()[0]);

    const made = create();
    const operation = await atWork(home, 'vm.create', /Booting/);
    expect(operation).toMatchObject({
      on: { kind: 'vm', name },
      client: expect.any(Number),
      detached: false,
    });
    const watched = await banger(['operation', 'watch', operation.id, '--json'], { home });
    expect(watched.status).toBe(0);
    const lines = watched.stdout.trimEnd().split('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ progress: { stage: 'Booting to the agent' } });
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      operation: { state: 'done', result: { name, state: 'running' } },
    });
    expect(await made).toMatchObject({ status: 0, stdout: `${name}\n` });
    await banger(['vm', 'stop', name], { home });
    await banger(['vm', 'delete', name], { home });

    await until('the end of the deletion', async () =>
      events().find((event) => event.event === 'operation.ended' && event.method === 'vm.delete'),
    );
    reader.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    const told = events().map((event) => {
      if (event.event === 'vm.state')
        return `${event.from} -> ${event.to}${event.phase && ` at ${event.phase}`}`;
      return 'method' in event ? `${event.event} ${event.method}` : event.event;
    });
    expect(told).toEqual([
      'snapshot',
      'operation.begun vm.create',
      'vm.made',
      'creating -> stopped',
      'stopped -> starting',
      'starting -> running',
      'operation.ended vm.create',
      'operation.begun vm.stop',
      'running -> stopping',
      'stopping -> stopped',
      'operation.ended vm.stop',
      'operation.begun vm.delete',
      'stopped -> stopped at delete',
      'vm.deleted',
      'operation.ended vm.delete',
    ]);
  });

  test('whose creation somebody else cancels leaves nothing, and its maker is told who it was', async () => {
    const made = create();
    const operation = await atWork(home, 'vm.create', /Booting/);
    expect(await cancel(home, operation)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/: cancelled\n$/),
    });
    // It is undone when the canceller is answered; its maker may not have heard of that yet.
    expect(vmProcessesOf(home).filter(({ argv }) => !argv.includes('vm create'))).toEqual([]);
    expect(entries(home, 'run', 'vm')).toEqual([]);
    expect(entries(home, 'state', 'vms')).toEqual([]);
    const { status, stderr } = await made;
    expect(status).toBe(1);
    expect(stderr).toContain('error[cancelled]: It was cancelled by `banger operation cancel`.');
    expect(stderr).toContain(`operation: ${operation.id}\n`);
    expect((await banger(['vm', 'show', name], { home })).stderr).toContain('vm_not_found');
    const again = await banger(['operation', 'cancel', operation.id], { home });
    expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('operation_ended') });
  });
});

describe('a pull that goes on by itself', () => {
  let home: string;
  beforeAll(() => (home = mkdtempSync(join(tmpdir(), 'banger-operations-'))));
  afterAll(async () => {
    await banger(['daemon', 'stop'], { home });
    expect(processesOf(home)).toEqual([]);
    rmSync(home, { recursive: true });
  });

  const detached = async (): Promise<OperationView> => {
    const { status, stdout } = await banger(['image', 'pull', '--detach', 'debian-bookworm'], { home });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^[0-9a-f]{12}\n$/) });
    const operation = await atWork(home, 'image.pull', /./);
    expect(operation).toMatchObject({ id: stdout.trim(), detached: true, on: { name: 'debian-bookworm' } });
    return operation;
  };
  const expectNothingLeft = (): void => {
    expect(entries(home, 'state', 'images')).toEqual([]);
    expect(vmProcessesOf(home)).toEqual([]);
  };

  test('outlives its client, is watched by another, and leaves nothing when it is cancelled', async () => {
    const operation = await detached();
    const watching = banger(['operation', 'watch', operation.id], { home });
    await until('the pull to have come on', async () => {
      const { stage } = await bangerJson<OperationOutcome>(['op', 'show', operation.id], { home });
      return /^(Downloading|Installing|Fetching)/.test(stage) ? stage : undefined;
    });
    expect(await cancel(home, operation)).toMatchObject({ status: 0 });
    expectNothingLeft();
    expect(await watching).toMatchObject({ status: 1, stderr: expect.stringContaining('error[cancelled]') });
  });

  test('is named by a daemon that is stopped, which undoes it', async () => {
    await detached();
    const { status, stderr } = await banger(['daemon', 'stop'], { home });
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringContaining('warning: it was busy with image.pull debian-bookworm:'),
    });
    expectNothingLeft();
  });
});
