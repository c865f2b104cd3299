import { BangerError } from '@banger/contract/error';
import { describe, expect, test } from 'vitest';
import { FakeDaemon, stoppedVm, vmView } from '../fake-daemon.suite.ts';
import { fakeMachine, run, until } from '../fake-machine.suite.ts';

const vms = [
  vmView({ id: '0a11', name: 'web' }),
  vmView({ id: '0a22', name: 'webb' }),
  vmView({ id: '0b33', name: 'db' }),
];

function daemonWith(fails: Readonly<Record<string, BangerError>> = {}): FakeDaemon {
  return new FakeDaemon({
    'vm.list': () => vms,
    'vm.stop': ({ vm }) => {
      if (fails[vm] !== undefined) throw fails[vm];
      return stoppedVm({
        id: vm,
        reason: vm === '0b33' ? 'the guest did not answer\nLast lines of the console:' : '',
      });
    },
    'vm.delete': ({ vm }) => ({ id: vm, name: vm, leftOver: vm === '0b33' ? ['/state/vms/0b33'] : [] }),
  });
}

describe('several names', () => {
  test('are resolved from one listing, each once, and told in the order given', async () => {
    const daemon = daemonWith();
    const ran = await run('vm stop db web 0b33 web 0a11 d', fakeMachine({ client: daemon }));
    expect(ran).toEqual({
      status: 0,
      out: 'db: stopped (the guest did not answer)\nweb: stopped\n',
      err: '',
    });
    expect(daemon.methods).toEqual(['vm.list', 'vm.stop', 'vm.stop']);
  });

  test('a start tells which of them ran already', async () => {
    const web = vmView({ id: '0a11', name: 'web' });
    const db = vmView({ id: '0b33', name: 'db' });
    const daemon = new FakeDaemon({
      'vm.list': () => [web, stoppedVm({ id: db.id, name: 'db' })],
      'vm.start': ({ vm }) => (vm === web.id ? web : db),
    });
    const ran = await run('vm start web db', fakeMachine({ client: daemon }));
    expect(ran).toEqual({ status: 0, out: 'web: running (it ran already)\ndb: running\n', err: '' });
  });

  test('one bad name does not stop the others', async () => {
    const daemon = daemonWith({ '0a11': new BangerError('vm_busy', 'Somebody else is at it.') });
    const ran = await run('vm stop nope web 0a db nope', fakeMachine({ client: daemon }));
    expect(ran.status).toBe(1);
    expect(ran.out).toBe('db: stopped (the guest did not answer)\n');
    expect(ran.err.split('\n').filter((line) => line.startsWith('error'))).toEqual([
      'error[vm_not_found]: There is no VM named "nope".',
      'error[vm_busy]: web: Somebody else is at it.',
      'error[name_ambiguous]: "0a" is the beginning of several VMs: web, webb.',
    ]);
  });

  test.each(['delete', 'reset'])('%s takes whole names, and the beginning of an id', async (verb) => {
    const daemon = daemonWith();
    const ran = await run(`vm ${verb} d`, fakeMachine({ client: daemon }));
    expect(ran).toMatchObject({ status: 1, out: '' });
    expect(ran.err).toContain('error[vm_not_found]: There is no VM named "d".');
    expect(ran.err).toContain('The only one that begins so: db');
    expect(daemon.methods).toEqual(['vm.list']);
    await run(`vm ${verb} 0b`, fakeMachine({ client: daemon }));
    expect(daemon.methods).toContain(`vm.${verb}`);
  });

  test('are all at work at once', async () => {
    let open = 0;
    const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
    const daemon = new FakeDaemon({
      'vm.list': () => vms,
      'vm.start': async () => {
        open += 1;
        await go;
        return vmView();
      },
    });
    const ended = run('vm start web webb db', fakeMachine({ client: daemon }));
    await until(() => open === 3);
    letGo();
    expect((await ended).out).toBe(
      'web: running (it ran already)\nwebb: running (it ran already)\ndb: running (it ran already)\n',
    );
  });

  test('--json tells each, in order; -q names alone', async () => {
    const ran = await run('vm stop --json db nope', fakeMachine({ client: daemonWith() }));
    expect(ran.status).toBe(1);
    expect(ran.err).toBe('');
    expect(JSON.parse(ran.out)).toMatchObject([
      { name: 'db', ok: true, state: 'stopped (the guest did not answer)', result: { id: '0b33' } },
      { name: 'nope', ok: false, error: { code: 'vm_not_found', hint: 'See `banger ps`.' } },
    ]);
    const quiet = await run('vm stop -q db web', fakeMachine({ client: daemonWith() }));
    expect(quiet.out).toBe('db\nweb\n');
  });

  test('delete tells what is left over, and fails for it', async () => {
    const ran = await run('vm rm db web', fakeMachine({ client: daemonWith() }));
    expect(ran).toEqual({
      status: 1,
      out: 'db: deleted\nweb: deleted\n',
      err: 'warning: db: could not be removed: /state/vms/0b33\n',
    });
  });

  test.each([
    ['vm start --wait init web', 'vm.start', { vm: '0a11', waitInit: true }],
    ['vm restart web', 'vm.restart', { vm: '0a11', waitInit: false }],
    ['vm stop --force web', 'vm.stop', { vm: '0a11', force: true }],
    ['vm kill web', 'vm.kill', { vm: '0a11', signal: 'SIGKILL' }],
    ['vm kill -s term web', 'vm.kill', { vm: '0a11', signal: 'SIGTERM' }],
    ['vm kill --signal 2 web', 'vm.kill', { vm: '0a11', signal: 'SIGINT' }],
  ] as const)('%s calls %s', async (line, method, params) => {
    const daemon = new FakeDaemon({ 'vm.list': () => vms, [method]: () => vmView() });
    expect((await run(line, fakeMachine({ client: daemon }))).status).toBe(0);
    expect(daemon.paramsOf(method)).toEqual(params);
  });
});
