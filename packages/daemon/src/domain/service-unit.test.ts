import { expect, test } from 'vitest';
import { unitIn } from './service-unit.ts';

const user = '/user.slice/user-1000.slice/user@1000.service';

test.each([
  ['0::/system.slice/runner.service\n', { name: 'runner.service', manager: 'system' }],
  ['0::/user.slice/user-1000.slice/session-3.scope\n', { name: 'session-3.scope', manager: 'system' }],
  [`0::${user}/app.slice/banger.service\n`, { name: 'banger.service', manager: 'user' }],
  [`0::${user}/app.slice/run-u7.scope\n`, { name: 'run-u7.scope', manager: 'user' }],
  ['0::/system.slice/ci.service/job/7\n', { name: 'ci.service', manager: 'system' }],
  // cgroups of version 1, which have a hierarchy for systemd alone.
  [
    '3:memory:/x\n1:name=systemd:/system.slice/old.service\n0::/system.slice/other.service\n',
    { name: 'old.service', manager: 'system' },
  ],
  ['9:name=systemd:/\n0::/\n', undefined],
  ['0::/docker/0123456789ab\n', undefined],
  ['', undefined],
])('%j', (cgroup, unit) => {
  expect(unitIn(cgroup)).toEqual(unit);
});
