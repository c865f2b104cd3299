import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeClock } from '@banger/testkit/fake-clock';
import { ScriptedQemu } from '../fake/scripted-qemu.ts';
import { QMP_ANSWER_MS, QmpConnection } from './qmp-connection.ts';

let dir: string;
let path: string;
let qemu: ScriptedQemu;
let clock: FakeClock;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'qmp-'));
  path = join(dir, 'qmp.sock');
  qemu = await ScriptedQemu.listen(path);
  clock = new FakeClock();
});
afterEach(async () => {
  await qemu.close();
  await rm(dir, { recursive: true });
});

/** Lets the time-out of an answer pass, once somebody waits for it. */
async function passAnswerTime(): Promise<void> {
  await vi.waitUntil(() => clock.sleeping > 0);
  await clock.advance(QMP_ANSWER_MS);
}

describe('a QMP connection', () => {
  it('negotiates, and gives each command its own answer', async () => {
    const qmp = await QmpConnection.open(path, clock);
    expect(qmp.version).toBe('7.2.22');
    qemu.answers.set('slow', 'silence');
    const slow = qmp.execute('slow', { a: 1 });
    qemu.answers.set('query-name', { value: { name: 'x' } });
    expect(await qmp.execute('query-name')).toEqual({ name: 'x' });
    qemu.write('{"return": "late but mine", "id": 2}\r\n');
    expect(await slow).toBe('late but mine');
    expect(qemu.commands[0]).toEqual({ execute: 'slow', arguments: { a: 1 } });
    expect(clock.sleeping).toBe(0);
    qmp.close();
  });

  it('passes on events, also those in one piece with an answer', async () => {
    const qmp = await QmpConnection.open(path, clock);
    const seen: string[] = [];
    const stop = qmp.onEvent(({ name }) => seen.push(name));
    qemu.event('STOP', {});
    qemu.event('RESUME', {});
    await qmp.execute('query-status');
    expect(seen).toEqual(['STOP', 'RESUME']);
    stop();
    qemu.event('STOP', {});
    await qmp.execute('query-status');
    expect(seen).toHaveLength(2);
    qmp.close();
  });

  it("rejects with QEMU's own words", async () => {
    const qmp = await QmpConnection.open(path, clock);
    qemu.answers.set('cont', { refusal: 'Resetting the Virtual Machine is required' });
    await expect(qmp.execute('cont')).rejects.toMatchObject({
      code: 'vmm_failed',
      message: 'QEMU refused "cont": Resetting the Virtual Machine is required',
      details: { class: 'GenericError' },
    });
    qmp.close();
  });

  it('says so when nobody listens', async () => {
    await expect(QmpConnection.open(join(dir, 'none'), clock)).rejects.toMatchObject({
      cause: { code: 'ENOENT' },
    });
  });

  it('gives up a QEMU that does not greet, as one whose socket another daemon holds', async () => {
    const first = await QmpConnection.open(path, clock);
    const second = QmpConnection.open(path, clock);
    const refused = expect(second).rejects.toThrow('another program holds the socket');
    await passAnswerTime();
    await refused;
    first.close();
    (await QmpConnection.open(path, clock)).close();
  });

  it('gives up a command without an answer, and passes over the answer that comes late', async () => {
    const qmp = await QmpConnection.open(path, clock);
    qemu.answers.set('stop', 'silence');
    const late = expect(qmp.execute('stop')).rejects.toMatchObject({
      code: 'vmm_failed',
      details: { late: true },
    });
    await passAnswerTime();
    await late;
    qemu.write('{"return": {}, "id": 2}\r\n');
    expect(await qmp.execute('query-status')).toEqual({ status: 'running' });
    qmp.close();
  });

  it.each([
    ['garbage', 'HTTP/1.1 400 Bad Request\r\n'],
    ['a second greeting', '{"QMP": {"version": {"qemu": {"major": 1, "minor": 1, "micro": 1}}}}\n'],
    ['a line without end', Buffer.alloc(1024 * 1024 + 1, 0x20)],
  ])('ends with all its commands at %s', async (_what, bytes) => {
    const qmp = await QmpConnection.open(path, clock);
    qemu.answers.set('stop', 'silence');
    const pending = expect(qmp.execute('stop')).rejects.toMatchObject({ code: 'vmm_failed' });
    qemu.write(bytes);
    await pending;
    expect((await qmp.closed).code).toBe('vmm_failed');
    await expect(qmp.execute('query-status')).rejects.toMatchObject({ code: 'vmm_failed' });
  });

  it('ends with all its commands when QEMU hangs up', async () => {
    const qmp = await QmpConnection.open(path, clock);
    qemu.answers.set('stop', 'silence');
    const pending = expect(qmp.execute('stop')).rejects.toThrow('closed its control socket');
    await vi.waitUntil(() => qemu.commands.length > 0);
    qemu.hangUp();
    await pending;
  });

  it('is cancelled before and while it waits for the greeting', async () => {
    await expect(QmpConnection.open(path, clock, AbortSignal.abort())).rejects.toMatchObject({
      code: 'cancelled',
    });
    const holder = await QmpConnection.open(path, clock);
    const abort = new AbortController();
    const waiting = QmpConnection.open(path, clock, abort.signal);
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    holder.close();
  });

  it('refuses a peer that does not begin with the greeting', async () => {
    qemu.greeting = '{"event": "STOP"}';
    await expect(QmpConnection.open(path, clock)).rejects.toMatchObject({ code: 'vmm_failed' });
  });
});
