import { BangerError } from '@banger/contract/error';
import { describe, expect, test } from 'vitest';
import { FakeDaemon, untilCancelled, vmPlan, vmSpec, vmView, stoppedVm } from '../../fake-daemon.suite.ts';
import { fakeMachine, run, settle, until, type FakeOptions } from '../../fake-machine.suite.ts';

/** A daemon in which everything goes well, and a command that ends with `status`. */
function willing(status = 0): FakeDaemon {
  const daemon = new FakeDaemon({
    'vm.plan': () => vmPlan(),
    'vm.create': () => vmView(),
    'vm.show': () => vmView(),
    'vm.delete': () => ({ id: 'id-box', name: 'box', leftOver: [] }),
  });
  daemon.onExec = (_, session) => session.end({ status });
  return daemon;
}

function machineWith(client: FakeDaemon, options: FakeOptions = {}) {
  return fakeMachine({ client, ...options });
}

describe('vm run', () => {
  test('plans, tells the spec, creates, runs, and passes the status on', async () => {
    const daemon = willing(42);
    const ran = await run(['vm', 'run', '--rm', '--', 'sh', '-c', 'exit 42'], machineWith(daemon));
    expect(ran.status).toBe(42);
    expect(daemon.methods).toEqual(['vm.plan', 'vm.create', 'vm.exec', 'vm.delete']);
    expect(daemon.paramsOf('vm.create')).toEqual({
      spec: vmSpec(),
      start: true,
      ephemeral: true,
      waitInit: false,
    });
    expect(daemon.paramsOf('vm.exec')).toEqual({ vm: 'id-box', argv: ['sh', '-c', 'exit 42'], env: [] });
    expect(ran.out).toBe('');
    expect(ran.err).toBe(
      'spec: box · debian-bookworm · 2 vcpu · 2 GiB · disk 8 GiB · root 8 GiB · network user · qemu (tcg)\n',
    );
    expect(daemon.closed).toBe(1);
  });

  test('sends what was wished, and nothing else', async () => {
    const daemon = willing();
    const line =
      'vm run --name web --image img --kernel k --vcpu 3 --memory 1G --disk-size 10G --root-size 2G --network none --no-nat -e A=1 -e B --wait init';
    await run([...line.split(' '), '--', 'true'], machineWith(daemon, { env: { B: 'b b' } }));
    expect(daemon.paramsOf('vm.plan')).toEqual({
      name: 'web',
      image: 'img',
      kernel: 'k',
      vcpu: 3,
      memoryMib: 1024,
      diskBytes: 10 * 1024 ** 3,
      rootBytes: 2 * 1024 ** 3,
      network: 'none',
      outbound: false,
      env: ['A=1', 'B=b b'],
    });
    expect(daemon.paramsOf('vm.create')).toMatchObject({ waitInit: true });
  });

  test('shows what the daemon tells of fetching, and why', async () => {
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': (_, { onProgress }) => {
        onProgress?.({ operation: 'op', stage: 'Image x is not here yet: building it', level: 'notice' });
        return vmView();
      },
    });
    const ran = await run('vm run -d', machineWith(daemon));
    expect(ran.err).toMatch(/^spec: .*\nImage x is not here yet: building it\n$/);
    expect(ran).toMatchObject({ status: 0, out: 'box\n' });
  });

  test('--dry-run shows the plan and makes nothing', async () => {
    const daemon = willing();
    const ran = await run('vm run --dry-run', machineWith(daemon));
    expect(daemon.methods).toEqual(['vm.plan']);
    expect(ran.out).toContain('Memory     2 GiB  (flag)');
    const json = await run('vm run --dry-run --json', machineWith(willing()));
    expect(JSON.parse(json.out)).toEqual(vmPlan());
  });

  test.each([
    ['vm run -d --rm', '--rm'],
    ['vm run -d -- true', 'a command'],
    ['vm run -d -t', '--tty'],
    ['vm run -d --user me', '--user'],
  ])('%s is refused before anything', async (line, what) => {
    const daemon = willing();
    const ran = await run(line, machineWith(daemon));
    expect(ran.status).toBe(2);
    expect(ran.err).toContain(`error[usage]: --detach cannot be combined with ${what}.`);
    expect(daemon.calls).toEqual([]);
  });

  test('a path is not supported yet, and no unknown argument', async () => {
    const ran = await run('vm run ./repo', machineWith(willing()));
    expect(ran.status).toBe(125);
    expect(ran.err).toContain('error[not_supported]: vm run cannot take a workspace ("./repo") yet.');
  });

  test('without --rm it reminds of a VM that still runs, after asking', async () => {
    const ran = await run('vm run -- true', machineWith(willing()));
    expect(ran.err).toContain('box still runs. Stop it with: banger vm stop box\n');
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': () => vmView(),
      'vm.show': () => stoppedVm({ reason: 'the guest powered off' }),
    });
    daemon.onExec = (_, session) => session.end({ status: 0 });
    const off = await run('vm run -- poweroff', machineWith(daemon));
    expect(off.err).toContain('box is stopped: the guest powered off\n');
  });

  test('--rm deletes whatever the status, and tells when it cannot', async () => {
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': () => vmView(),
      'vm.delete': () => {
        throw new BangerError('internal', 'the disk would not go');
      },
    });
    daemon.onExec = (_, session) => session.end({ signal: 9, coreDumped: false });
    const ran = await run('vm run --rm -- kill', machineWith(daemon));
    expect(ran.status).toBe(137);
    expect(ran.err).toContain('error[internal]: box could not be deleted: the disk would not go');
    expect(ran.err).toContain('hint: Delete it with: banger vm delete box');
  });

  test('--rm waits for a VM that is busy, up to a deadline of its own', async () => {
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': () => vmView(),
      'vm.delete': (_, options) => untilCancelled(options),
    });
    daemon.onExec = (_, session) => session.end({ status: 3 });
    const machine = machineWith(daemon);
    const ended = run('vm run --rm -- false', machine);
    await until(() => daemon.methods.includes('vm.delete'));
    machine.clock.advance(60_000);
    const ran = await ended;
    expect(ran.status).toBe(3);
    expect(ran.err).toContain('box could not be deleted: there was no answer within 60 s');
  });

  test('a command that is not there is 127, one that cannot run 126, with a message', async () => {
    for (const [code, status] of [
      ['command_not_found', 127],
      ['shell_not_found', 127],
      ['command_not_executable', 126],
      ['agent_not_ready', 125],
      ['what_is_this', 125],
    ] as const) {
      const daemon = willing();
      daemon.onExec = (_, session) => session.end({ error: { code, message: `no: ${code}`, hint: 'so' } });
      const ran = await run('vm run --rm -- nope', machineWith(daemon));
      expect(ran.status).toBe(status);
      expect(ran.err).toContain(`no: ${code}`);
      expect(daemon.methods).toContain('vm.delete');
    }
  });

  test('a create that fails keeps the VM and says how to read its log and delete it', async () => {
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': () => {
        throw new BangerError('agent_not_ready', 'The agent did not answer.');
      },
      'vm.show': () => stoppedVm({ state: 'error' }),
    });
    const ran = await run('vm run --rm -- true', machineWith(daemon));
    expect(ran.status).toBe(125);
    expect(ran.err).toContain(
      'box is kept. Its console: banger vm logs box   Delete it: banger vm delete box',
    );
    expect(ran.err).toContain('error[agent_not_ready]: The agent did not answer.');
    expect(daemon.methods).not.toContain('vm.delete');
  });

  test('a VM of that name from before is nobody to keep or delete', async () => {
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': () => {
        throw new BangerError('name_taken', 'box is taken.');
      },
      'vm.show': () => vmView({ createdAt: '2026-01-31T11:00:00.000Z' }),
    });
    const ran = await run('vm run --rm -- true', machineWith(daemon));
    expect(ran.err).not.toContain('is kept');
    expect(daemon.methods).not.toContain('vm.delete');
  });

  test('Ctrl-C while it boots cancels, deletes what there is, and exits 130', async () => {
    let left = true;
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': (_, options) => untilCancelled(options),
      'vm.show': () => stoppedVm({ state: 'error' }),
      'vm.delete': () => {
        left = false;
        return { id: 'id-box', name: 'box', leftOver: [] };
      },
    });
    const machine = machineWith(daemon);
    const ended = run('vm run', machine);
    await until(() => daemon.methods.includes('vm.create'));
    machine.kill('SIGINT');
    const ran = await ended;
    expect(ran.status).toBe(130);
    expect(left).toBe(false);
    expect(ran.err).toContain('error[cancelled]: Interrupted by SIGINT.');
    expect(daemon.sessions).toEqual([]);
  });

  test('a VM that was made before the cancellation arrived is deleted, too', async () => {
    const { promise: booted, resolve: boot } = Promise.withResolvers<ReturnType<typeof vmView>>();
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': () => booted,
      'vm.show': () => vmView(),
      'vm.delete': () => ({ id: 'id-box', name: 'box', leftOver: [] }),
    });
    const machine = machineWith(daemon);
    const ended = run('vm run', machine);
    await until(() => daemon.methods.includes('vm.create'));
    machine.kill('SIGINT');
    boot(vmView());
    expect((await ended).status).toBe(130);
    expect(daemon.methods).toEqual(['vm.plan', 'vm.create', 'vm.show', 'vm.delete']);
  });

  test('Ctrl-C while it boots deletes nothing of somebody else', async () => {
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': (_, options) => untilCancelled(options),
      'vm.show': () => vmView({ createdAt: '2026-01-30T12:00:00.000Z' }),
    });
    const machine = machineWith(daemon);
    const ended = run('vm run --name box', machine);
    await until(() => daemon.methods.includes('vm.create'));
    machine.kill('SIGINT');
    expect((await ended).status).toBe(130);
    expect(daemon.methods).not.toContain('vm.delete');
  });
});

describe('vm run on a terminal', () => {
  const terminals = ['stdin', 'stdout', 'stderr'] as const;

  test('keys typed while it boots reach the shell, and the terminal is put back', async () => {
    const { promise: booted, resolve: boot } = Promise.withResolvers<ReturnType<typeof vmView>>();
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': () => booted,
      'vm.delete': () => ({ id: 'id-box', name: 'box', leftOver: [] }),
    });
    const machine = machineWith(daemon, { terminals });
    const ended = run('vm run --rm', machine);
    await until(() => daemon.methods.includes('vm.create'));
    expect(machine.rawModes).toEqual([true]);
    machine.stdin.write('uname');
    machine.stdin.write(' -a\r');
    await settle();
    boot(vmView());
    await until(() => daemon.sessions.length > 0);
    await settle();
    expect(daemon.paramsOf('vm.exec')).toEqual({
      vm: 'id-box',
      argv: [],
      orImageCommand: true,
      env: [],
      tty: { rows: 24, columns: 80, term: 'xterm' },
    });
    const [session] = daemon.sessions;
    machine.stdin.write('\x03');
    await settle();
    expect(session!.received).toBe('uname -a\r\x03');
    machine.stdout.columns = 132;
    machine.stdout.emit('resize');
    expect(session!.sizes).toEqual([{ rows: 24, columns: 132 }]);
    session!.stdout.write('hej');
    session!.end({ status: 5 });
    expect((await ended).status).toBe(5);
    expect(machine.stdout.text).toBe('hej');
    expect(machine.rawModes).toEqual([true, false]);
  });

  test('Ctrl-C typed while it boots cancels and gives the terminal back', async () => {
    const daemon = new FakeDaemon({
      'vm.plan': () => vmPlan(),
      'vm.create': (_, options) => untilCancelled(options),
      'vm.show': () => {
        throw new BangerError('vm_not_found', 'no box');
      },
    });
    const machine = machineWith(daemon, { terminals });
    const ended = run('vm run', machine);
    await until(() => daemon.methods.includes('vm.create'));
    machine.stdin.write('ls\x03');
    expect((await ended).status).toBe(130);
    expect(machine.rawModes).toEqual([true, false]);
  });

  test('a command gets no terminal unless asked for', async () => {
    const daemon = willing();
    await run(['vm', 'run', '--rm', '--', 'ls'], machineWith(daemon, { terminals }));
    expect(daemon.paramsOf('vm.exec')).toEqual({ vm: 'id-box', argv: ['ls'], env: [] });
    const asked = willing();
    await run(['vm', 'run', '--rm', '-t', '--', 'ls'], machineWith(asked, { terminals }));
    expect(asked.paramsOf('vm.exec')).toMatchObject({ argv: ['ls'], tty: { rows: 24, columns: 80 } });
  });

  test('the terminal gone: the session is closed, the VM deleted, 129', async () => {
    const daemon = willing();
    daemon.onExec = () => {};
    const machine = machineWith(daemon, { terminals });
    const ended = run('vm run --rm', machine);
    await until(() => daemon.sessions.length > 0);
    await settle();
    machine.kill('SIGHUP');
    expect((await ended).status).toBe(129);
    expect(daemon.sessions[0]!.closed).toBeGreaterThan(0);
    expect(daemon.methods).toContain('vm.delete');
  });
});
