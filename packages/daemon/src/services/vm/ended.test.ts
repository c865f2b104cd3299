import { appendFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeHost, until } from './fake-host.suite.ts';

const never = new AbortController().signal;

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

test.each([
  ['powers off', 'stopped', '', /^The guest powered off\.$/, (pid: number) => host.world.powerOff(pid)],
  ['panics', 'error', 'running', /panicked: no reason at all/, (pid: number) => host.world.panic(pid)],
  ['loses its VMM', 'error', 'running', /SIGSEGV/, (pid: number) => host.world.die(pid, 'SIGSEGV')],
])(
  'a VM that %s says why also when its daemon is killed before all of it is gone',
  async (_what, state, phase, reason, end) => {
    const { id, runtime } = await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
    await appendFile(host.layout.vm(id).console, 'Kernel panic - not syncing: no reason at all\r\n');
    const reached = Promise.withResolvers<void>();
    host.onCall = async (call) => {
      if (call !== 'removeVmm') return;
      reached.resolve();
      await new Promise(() => undefined);
    };
    end(runtime?.pid ?? 0);
    await reached.promise;
    await host.succeed();
    host.onCall = () => undefined;
    await host.recover();
    await until(() => host.deps.vms.get(id).state === state);
    const row = host.deps.vms.get(id);
    expect(row).toMatchObject({ phase, reason: expect.stringMatching(reason) });
    expect(row.hint === '').toBe(state === 'stopped');
    expect(host.ledger).toEqual(['directory']);
    expect(await host.vms.start('box', false, never)).toMatchObject({ state: 'running', reason: '' });
  },
);
