import { BangerError } from '@banger/contract/error';
import type { ImageView } from '@banger/contract/image';
import type { KernelView } from '@banger/contract/kernel';
import type { OperationView } from '@banger/contract/operation';
import { describe, expect, test } from 'vitest';
import { FakeDaemon, stoppedVm, untilCancelled, vmView } from '../fake-daemon.suite.ts';
import { fakeMachine, run, until, type FakeMachine } from '../fake-machine.suite.ts';

const here = (name: string) => ({ name, present: true }) as ImageView & KernelView;
const operation = (id: string, state: OperationView['state']) =>
  ({ id, state, method: 'vm.stop' }) as OperationView;
const away = (name: string) => ({ name, present: false }) as ImageView & KernelView;

const daemon = (): FakeDaemon =>
  new FakeDaemon({
    'vm.list': () => [vmView({ name: 'box' }), stoppedVm({ name: 'build' })],
    'image.list': ({ available }) => [
      here('debian-bookworm'),
      ...(available ? [away('debian-bookworm-systemd')] : []),
    ],
    'kernel.list': ({ available }) => [here('mine'), ...(available ? [away('debian-cloud')] : [])],
    'operation.list': ({ all }) => [
      ...(all ? [operation('aa11', 'done')] : []),
      operation('bb22', 'running'),
    ],
  });

/** The words that the line up to the cursor, marked by `|`, can go on with; what is told as an error is none. */
async function offered(
  line: string,
  machine: FakeMachine = fakeMachine({ client: daemon() }),
): Promise<string[]> {
  const words = line.replace(/\|$/, '').split(' ');
  const { status, out, err } = await run(['complete', '--', ...words], machine);
  expect([status, err]).toEqual([0, '']);
  return out
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => each.split('\t')[0] ?? '');
}

test.each<[string, string[]]>([
  ['vm st|', ['start', 'stop', 'stats']],
  ['vm stop|', ['stop']],
  ['image ca|', ['cache']],
  ['image cache |', ['prune']],
  ['image cache prune --dr|', ['--dry-run']],
  ['image cache prune |', []],
  ['comp|', ['completion']],
  ['-q vm sh|', ['show', 'shell']],
  ['help vm st|', ['start', 'stop', 'stats']],
  ['vm stop |', ['box', 'build']],
  ['vm stop b|', ['box', 'build']],
  ['vm stop bo|', ['box']],
  ['vm stop box |', ['build']],
  ['vm rm --json box b|', ['build']],
  ['vm show box |', []],
  ['vm kill --si|', ['--signal']],
  ['vm kill --signal KI|', ['KILL']],
  ['vm kill -s SIGTE|', ['SIGTERM']],
  ['vm kill --signal=KI|', ['--signal=KILL']],
  ['vm kill --signal KILL bo|', ['box']],
  ['vm run --ne|', ['--network']],
  ['vm run --network |', ['user', 'none']],
  ['vm run --network=no|', ['--network=none']],
  ['vm run --network none --ne|', []],
  ['vm run --env A=1 --en|', ['--env']],
  ['vm run --image |', ['debian-bookworm', 'debian-bookworm-systemd']],
  ['vm run --kernel d|', ['debian-cloud']],
  ['vm run --name |', []],
  ['vm run --workdir |', []],
  ['vm run |', []],
  ['vm exec b|', ['box', 'build']],
  ['vm exec box |', []],
  ['vm exec box -- |', []],
  ['vm run -- b|', []],
  ['image delete |', ['debian-bookworm']],
  ['image pull |', ['debian-bookworm', 'debian-bookworm-systemd']],
  ['kernel show |', ['mine']],
  ['kernel pull |', ['mine', 'debian-cloud']],
  ['kernel import |', []],
  ['kernel import x --from |', [':files']],
  ['kernel import x --from=./|', [':files']],
  ['operation show |', ['aa11', 'bb22']],
  ['op cancel |', ['bb22']],
  ['events --vm bo|', ['box']],
  ['vm cp ./n|', [':files']],
  ['vm cp a b|', [':files']],
  ['completion |', ['bash', 'zsh', 'fish']],
  ['completion bash |', []],
  ['no-such-thing |', []],
  ['vm no-such-thing |', []],
  ['vm stop --no-such-flag bo|', ['box']],
  ['vm run --json=|', []],
  // As bash splits them.
  ['vm kill --signal = KI|', ['KILL']],
  ['vm kill --signal =|', expect.arrayContaining(['KILL', 'TERM']) as string[]],
  ['vm kill --signal = KILL bo|', ['box']],
  ['vm kill --signal = KILL --si|', []],
])('banger %s', async (line, words) => {
  expect(await offered(line)).toEqual(words);
});

test('on an empty line every command, and none that only scripts call', async () => {
  const words = await offered('|');
  expect(words).toEqual(expect.arrayContaining(['vm', 'image', 'ps', 'completion']));
  expect(words).not.toContain('complete');
  expect(await offered('-|')).toEqual(['--json', '--quiet', '--help']);
});

test('words come with what they are', async () => {
  const { out } = await run(['complete', '--', 'vm', 'stop', ''], fakeMachine({ client: daemon() }));
  expect(out).toBe('box\trunning, debian-bookworm\nbuild\tstopped, debian-bookworm\n');
});

describe('without a daemon that answers', () => {
  test('no names are offered, nothing is said, and none is started', async () => {
    const machine = fakeMachine();
    expect(await offered('vm stop |', machine)).toEqual([]);
    expect(machine.connects.map(({ start }) => start)).toEqual([false]);
    expect(await offered('vm st|', fakeMachine())).toEqual(['start', 'stop', 'stats']);
  });

  test('one that cannot be reached, or refuses, is as good as none', async () => {
    const connect = () => Promise.reject(new BangerError('path_unsafe', 'Not yours.'));
    expect(await offered('vm stop |', fakeMachine({ connect }))).toEqual([]);
    const refusing = new FakeDaemon({ 'vm.list': () => Promise.reject(new BangerError('internal', 'No.')) });
    expect(await offered('vm stop |', fakeMachine({ client: refusing }))).toEqual([]);
    expect(refusing.closed).toBe(1);
  });

  test('one that hangs is not waited for', async () => {
    const machine = fakeMachine({
      client: new FakeDaemon({ 'vm.list': (_, options) => untilCancelled(options) }),
    });
    const words = offered('vm stop |', machine);
    await until(() => machine.clock.pending > 0);
    machine.clock.advance(1_000);
    expect(await words).toEqual([]);
  });
});

test.each(['bash', 'zsh', 'fish'])('the script for %s asks the program', async (shell) => {
  const { status, out } = await run(`completion ${shell}`, fakeMachine());
  expect(status).toBe(0);
  expect(out).toContain(`${shell} completion for banger`);
  expect(out).toContain(' complete -- ');
});

test('there is no script for other shells', async () => {
  expect(await run('completion tcsh', fakeMachine())).toMatchObject({
    status: 2,
    err: expect.stringContaining('bash, zsh, fish') as string,
  });
});
