import { expect, test } from 'vitest';
import { BangerError } from '@banger/contract/error';
import type { NetworkDriver, NetworkProbe } from '../../drivers/network/driver.ts';
import { runChecks, type Check } from './check.ts';
import { directoriesCheck } from './directories-check.ts';
import { networkCheck } from './network-check.ts';
import { roomCheck } from './room-check.ts';
import { stateCheck } from './state-check.ts';
import { unitCheck } from './unit-check.ts';
import { userCheck } from './user-check.ts';

const file = '/state/banger.db';

test('a check that breaks is a failing one beside the others, and leads to the file where the system named one', async () => {
  const check = (id: string, run: Check['run']): Check => ({ id, title: id, run });
  const ran = await runChecks([
    check('well', async () => ({ status: 'pass', detail: '', fix: '' })),
    check('refused', () =>
      Promise.reject(new BangerError('missing_tool', 'No QEMU.', { hint: 'Install it.' })),
    ),
    check('unreadable', () =>
      Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES', path: '/a' })),
    ),
  ]);
  expect(ran.map(({ id, status, detail, fix }) => [id, status, detail, fix])).toEqual([
    ['well', 'pass', '', ''],
    ['refused', 'fail', 'No QEMU.', 'Install it.'],
    ['unreadable', 'fail', 'EACCES: permission denied', 'ls -ld /a'],
  ]);
});

test('root is warned, and told of the plain user', async () => {
  expect(await userCheck(0).run()).toMatchObject({
    status: 'warn',
    detail: expect.stringMatching(/QEMU stays root/) as string,
    fix: expect.stringMatching(/plain user/) as string,
  });
  expect(await userCheck(1000).run()).toMatchObject({ status: 'pass' });
});

test.each([
  ['0::/', undefined, 'pass', /none has the daemon/],
  ['0::/user.slice/user-1000.slice/session-3.scope', undefined, 'pass', /session-3.scope/],
  ['0::/system.slice/banger.service', 'process', 'pass', /KillMode=process/],
  ['0::/system.slice/runner.service', 'control-group', 'warn', /runner.service: when that ends, they all do/],
  ['0::/system.slice/runner.service', 'mixed', 'warn', /runner.service/],
  ['0::/system.slice/runner.service', undefined, 'warn', /runner.service/],
])('a daemon in %s, which ends by %s', async (cgroup, mode, status, detail) => {
  const unit = { cgroup: async () => `${cgroup}\n`, killMode: async () => mode };
  const found = await unitCheck(unit, 1000).run();
  expect(found).toMatchObject({ status, detail: expect.stringMatching(detail) as string });
  expect(found.fix).toMatch(status === 'warn' ? /systemd-run --user --scope banger ps/ : /^$/);
});

test.each([
  [{ found: 'nothing', file } as const, 'pass', `${file} is not there yet and will be made`],
  [{ found: 'whole', file, version: 2, newest: 2 } as const, 'pass', `${file}, version 2`],
  [
    { found: 'whole', file, version: 1, newest: 3 } as const,
    'pass',
    `${file}, version 1; the next daemon brings it to 3`,
  ],
  [
    { found: 'held', file, pid: 7 } as const,
    'warn',
    `${file} is held by a daemon, process 7, that could not be asked.`,
  ],
])('a state that is %j', async (look, status, detail) => {
  expect(await stateCheck(() => look).run()).toMatchObject({ status, detail });
});

test('directories that others can enter are named with the command that closes them', async () => {
  const paths = ['/state', '/cache'];
  expect(await directoriesCheck(paths, async () => 'open').run()).toMatchObject({
    status: 'warn',
    fix: 'chmod 700 /state /cache',
  });
  const missing = await directoriesCheck(paths, async () => 'missing').run();
  expect(missing).toMatchObject({ status: 'pass', detail: '/state, not there yet; /cache, not there yet' });
});

test('room is told of the place where a directory will be made', async () => {
  expect((await roomCheck('/proc/self/none/state').run()).detail).toBe(
    '0.0 GiB free in /proc/self/none/state',
  );
  expect((await roomCheck(`${import.meta.filename}/state`).run()).detail).toMatch(/GiB free/);
});

test('a network without its programs is no passing one', async () => {
  const probe = (change: Partial<NetworkProbe>): Pick<NetworkDriver, 'probe'> => ({
    probe: async () => ({
      ...{ usable: true, missingTools: [], ipv4: true, ipv6: false, problems: [] },
      ...change,
    }),
  });
  expect(
    await networkCheck(probe({ usable: false, missingTools: ['passt', 'netguard'] })).run(),
  ).toMatchObject({
    status: 'fail',
    detail: 'It needs what is not there: passt, netguard.',
  });
  const problems = [{ message: 'No route.', hint: 'Connect it.' }];
  expect(await networkCheck(probe({ problems })).run()).toMatchObject({ status: 'warn', fix: 'Connect it.' });
  expect(await networkCheck(probe({})).run()).toMatchObject({ status: 'pass' });
});
