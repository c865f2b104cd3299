import { expect, test } from 'vitest';
import { childEnvironment } from './child-environment.ts';

const harmless = {
  HOME: '/home/a',
  LANG: 'C.UTF-8',
  LC_ALL: 'C',
  LOGNAME: 'a',
  TMPDIR: '/var/tmp',
  USER: 'a',
  XDG_RUNTIME_DIR: '/run/user/1000',
};
const proxies = {
  http_proxy: 'http://p',
  HTTPS_PROXY: 'http://p',
  ALL_PROXY: 'socks5://p',
  no_proxy: 'localhost',
};
const secret = {
  AWS_SECRET_ACCESS_KEY: 's',
  GITHUB_TOKEN: 's',
  LC_ALL_TOKEN: 's',
  SSH_AUTH_SOCK: '/s',
  BANGER_HOME: '/b',
};
const PATH = '/usr/bin:/usr/sbin:/sbin';

test('a program gets who it runs as and its language, and no secret', () => {
  const own = { ...harmless, ...proxies, ...secret, PATH: '/usr/bin' };
  expect(childEnvironment(own, { online: false })).toEqual({ ...harmless, PATH });
});

test('one that may fetch packages gets the proxies as well', () => {
  const own = { ...harmless, ...proxies, ...secret, PATH: '/usr/bin' };
  expect(childEnvironment(own, { online: true })).toEqual({ ...harmless, ...proxies, PATH });
});

test('what a call names is passed on, over what is our own', () => {
  const extra = { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', PATH: '/opt/bin' };
  expect(childEnvironment({ LC_ALL: 'de_DE.UTF-8', PATH: '/usr/bin' }, { online: false, extra })).toEqual({
    LC_ALL: 'C',
    DEBIAN_FRONTEND: 'noninteractive',
    PATH: '/opt/bin:/usr/sbin:/sbin',
  });
});
