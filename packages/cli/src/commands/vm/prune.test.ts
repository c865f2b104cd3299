import { BangerError } from '@banger/contract/error';
import type { VmView } from '@banger/contract/vm';
import { describe, expect, test } from 'vitest';
import { FakeDaemon, stoppedVm } from '../../fake-daemon.suite.ts';
import { fakeMachine, run, until, type FakeMachine } from '../../fake-machine.suite.ts';

const terminals = ['stdin', 'stdout', 'stderr'] as const;
const old = stoppedVm({ name: 'old' });
const broken = stoppedVm({ name: 'broken', state: 'error' });

function daemonWith(
  vms: readonly VmView[] = [old, broken],
  fails: Readonly<Record<string, BangerError>> = {},
): FakeDaemon {
  return new FakeDaemon({
    'vm.prunable': () => [...vms],
    'vm.prune': ({ vm }) => {
      if (fails[vm] !== undefined) throw fails[vm];
      return { id: vm, name: vm, leftOver: [] };
    },
  });
}

/** Runs it on a terminal, and types once it asks. */
async function asked(machine: FakeMachine, type: (machine: FakeMachine) => void) {
  const ended = run('vm prune', machine);
  await until(() => machine.stderr.text.includes('[y/N]'));
  type(machine);
  return ended;
}

describe('vm prune', () => {
  test('lists what would go, asks, and deletes it', async () => {
    const client = daemonWith();
    const ran = await asked(fakeMachine({ client, terminals }), ({ stdin }) => stdin.write('y\n'));
    expect(ran.status).toBe(0);
    expect(ran.err).toContain(
      '  old  stopped, 45 MiB\n  broken  error, 45 MiB\nDelete these 2 VMs with their disks? [y/N] ',
    );
    expect(ran.out).toBe('old: deleted\nbroken: deleted\n');
  });

  test.each([
    ['no', ({ stdin }: FakeMachine) => stdin.write('n\n')],
    ['nothing', ({ stdin }: FakeMachine) => stdin.write('\n')],
    ['an end of input', ({ stdin }: FakeMachine) => stdin.end()],
  ])('deletes nothing for %s', async (_what, type) => {
    const client = daemonWith([old]);
    const ran = await asked(fakeMachine({ client, terminals }), type);
    expect(ran).toMatchObject({ status: 0, out: '' });
    expect(ran.err).toContain('Delete this VM with its disks?');
    expect(ran.err).toContain('Nothing was deleted.');
    expect(client.methods).toEqual(['vm.prunable']);
  });

  test('deletes nothing when it is interrupted at the question', async () => {
    const client = daemonWith();
    const ran = await asked(fakeMachine({ client, terminals }), (machine) => machine.kill('SIGINT'));
    expect(ran.status).toBe(130);
    expect(client.methods).toEqual(['vm.prunable']);
  });

  test('without a terminal needs --force, and then asks nothing', async () => {
    for (const present of [[], ['stdin'], ['stderr']] as const) {
      const client = daemonWith();
      const ran = await run('vm prune', fakeMachine({ client, terminals: present }));
      expect(ran).toMatchObject({ status: 2, out: '' });
      expect(ran.err).toContain('--force');
      expect(client.methods).toEqual([]);
    }
    const ran = await run('vm prune -f', fakeMachine({ client: daemonWith() }));
    expect(ran).toEqual({ status: 0, out: 'old: deleted\nbroken: deleted\n', err: '' });
  });

  test('tells what it skipped, and goes on after what failed', async () => {
    const fails = {
      'id-old': new BangerError('vm_state', 'old is running.'),
      'id-broken': new BangerError('command_failed', 'It is held.'),
    };
    const vms = [old, broken, stoppedVm({ name: 'last' })];
    const ran = await run('vm prune -f', fakeMachine({ client: daemonWith(vms, fails) }));
    expect(ran).toMatchObject({ status: 1, out: 'old: skipped: old is running.\nlast: deleted\n' });
    expect(ran.err).toContain('error[command_failed]: broken: It is held.');
  });

  test('with nothing to prune says so, on a terminal too', async () => {
    expect(await run('vm prune', fakeMachine({ client: daemonWith([]), terminals }))).toMatchObject({
      status: 0,
      out: '',
      err: expect.stringContaining('There is nothing to prune.'),
    });
    expect((await run('vm prune -f --json', fakeMachine({ client: daemonWith([]) }))).out).toBe('[]\n');
  });
});
