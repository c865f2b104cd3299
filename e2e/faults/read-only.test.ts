import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';

const small = ['--memory', '256'];

describe('a directory that cannot be written', () => {
  let home: FaultHome;
  beforeEach(({ skip }) => {
    home = FaultHome.stocked();
    skip(process.getuid?.() !== 0, 'only root can mount a file system of its own');
  });
  afterEach(() => home.remove());

  test.each([
    ['state', 'path_unsafe'],
    ['run', 'command_failed'],
  ] as const)('%s, where a daemon would begin: refused, and named', async (directory, code) => {
    const { mend } = home.makeReadOnly(directory);
    expectFault(await home.run(['vm', 'list']), { code, status: 1, says: home.at(directory) });
    mend();
    await home.expectNothingLeft();
  });

  test.each(['images', 'kernels'])(
    'that of %s: a pull leaves nothing, and what is here stays',
    async (store) => {
      await home.list();
      const { mend } = home.makeReadOnly('state', store);
      const pull = {
        images: ['image', 'pull', 'debian-bookworm-systemd'],
        kernels: ['kernel', 'pull', '--force', 'debian-cloud'],
      }[store]!;
      const remove = { images: ['image', 'delete', 'debian-bookworm'], kernels: ['image', 'list'] }[store]!;
      expectFault(await home.run(pull), { code: 'path_unsafe', status: 1, says: home.at('state', store) });
      if (store === 'images')
        expectFault(await home.run(remove), {
          code: 'path_unsafe',
          status: 1,
          says: home.at('state', store),
        });
      await home.expectNothingLeft();
      expect(await home.kernels()).toHaveLength(1);
      expect(await home.images()).toHaveLength(1);
      mend();
    },
  );

  test('those of a VM: its creation leaves nothing; its start says so, and works when it is mended', async () => {
    await home.list();
    const disks = home.makeReadOnly('state', 'vms');
    const create = ['vm', 'create', '--name', 'box', ...small];
    expectFault(await home.run(create), { code: 'path_unsafe', status: 1, says: home.at('state', 'vms') });
    await home.expectNothingLeft();
    disks.mend();
    expect(await home.run([...create, '--no-start'])).toMatchObject({ status: 0 });
    const sockets = home.makeReadOnly('run', 'vm');
    expectFault(await home.run(['vm', 'start', 'box']), {
      code: 'path_unsafe',
      status: 1,
      says: home.at('run', 'vm'),
    });
    expect(await home.show('box')).toMatchObject({ state: 'error', phase: 'runtime' });
    sockets.mend();
    const { id } = await home.show('box');
    const own = home.makeReadOnly('state', 'vms', id);
    expectFault(await home.run(['vm', 'start', 'box']), {
      code: 'path_unsafe',
      status: 1,
      says: home.at('state', 'vms'),
    });
    expect(await home.run(['vm', 'delete', 'box'])).toMatchObject({ status: 1 });
    expect(await home.show('box')).toMatchObject({ state: 'error' });
    own.mend();
    expect(await home.run(['vm', 'delete', 'box'])).toMatchObject({ status: 0 });
    await home.expectNothingLeft();
  });
});
