import { BangerError } from '@banger/contract/error';
import { expect, test } from 'vitest';
import { FakeDaemon } from '../../fake-daemon.suite.ts';
import { fakeMachine, run } from '../../fake-machine.suite.ts';

/** A daemon that has no image. */
const daemonWithout = (): FakeDaemon =>
  new FakeDaemon({
    'image.pull': () => {
      throw new BangerError('image_invalid', 'It is damaged.');
    },
  });

test('standard input is sent, and pulled by its hash', async () => {
  const daemon = daemonWithout();
  const machine = fakeMachine({ client: daemon });
  machine.stdin.write('bun');
  machine.stdin.end('dle');
  expect(await run('image pull --name app -', machine)).toMatchObject({ status: 1 });
  expect(Buffer.concat(daemon.sent).toString()).toBe('bundle');
  expect(daemon.methods).toEqual(['image.receive', 'image.pull']);
  expect(daemon.paramsOf('image.pull')).toEqual({ image: `upload:${'ab'.repeat(32)}`, name: 'app' });
});

test('a root file system on standard input is said to be one', async () => {
  const daemon = daemonWithout();
  const machine = fakeMachine({ client: daemon });
  machine.stdin.end('tar');
  await run('image pull --name app tarball:-', machine);
  expect(Buffer.concat(daemon.sent).toString()).toBe('tar');
  expect(daemon.paramsOf('image.pull')).toEqual({ image: `tarball:upload:${'ab'.repeat(32)}`, name: 'app' });
});

test('what the daemon does not take is told, and nothing is pulled', async () => {
  const daemon = daemonWithout();
  daemon.onSent = () => {
    throw new BangerError('disk_full', 'No room.');
  };
  const machine = fakeMachine({ client: daemon });
  machine.stdin.end('bundle');
  expect(await run('image pull --name app -', machine)).toMatchObject({
    ...{ status: 1, err: expect.stringContaining('error[disk_full]: No room.') },
  });
  expect(daemon.methods).toEqual(['image.receive']);
});

test.each([
  ['image pull -', '--name is missing'],
  ['image pull tarball:-', '--name is missing'],
  ['image pull -d --name app -', 'cannot go together'],
])('%s is refused before anything is sent', async (line, said) => {
  const daemon = daemonWithout();
  expect(await run(line, fakeMachine({ client: daemon }))).toMatchObject({
    ...{ status: 2, err: expect.stringContaining(said) },
  });
  expect(daemon.calls).toEqual([]);
});

test('a terminal is not read', async () => {
  const machine = fakeMachine({ client: daemonWithout(), terminals: ['stdin'] });
  expect(await run('image pull --name app -', machine)).toMatchObject({ status: 2 });
});
