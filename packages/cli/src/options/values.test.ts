import { describe, expect, test } from 'vitest';
import { parseEnv, resolveEnv } from './env.ts';
import { parseStoredName, parseVmName } from './names.ts';
import { parseUser, parseWorkdir } from './session-values.ts';
import { parseSignalName } from './signal-name.ts';

describe('environment', () => {
  test('has values of its own or ours, the last of a name winning', () => {
    const wishes = ['A=1', 'B', 'C=', 'D=x=y z', 'A=2'].map((text) => parseEnv(text, '--env'));
    expect(resolveEnv(wishes, { B: 'here' })).toEqual(['A=2', 'B=here', 'C=', 'D=x=y z']);
  });

  test.each(['', '=x', '1A=x', 'A B=x', 'A-B=x', 'A=\0'])('%j is refused', (text) => {
    expect(() => parseEnv(text, '--env')).toThrow('--env');
  });

  test('a variable that is not set here is refused', () => {
    expect(() => resolveEnv([parseEnv('NOPE', '--env')], {})).toThrow('--env NOPE: it is not set here.');
  });
});

describe('names', () => {
  test.each(['box', 'a', '0', 'a-b', 'x'.repeat(63)])('%s is a VM name', (name) => {
    expect(parseVmName(name)).toBe(name);
  });

  test.each(['', '-a', 'a-', 'A', 'a_b', 'a.b', 'x'.repeat(64), 'ä', 'a\n', '../a'])('%j is none', (name) => {
    expect(() => parseVmName(name)).toThrow('is not a VM name');
  });

  test.each(['', '-a', '.a', 'a/b', '..', 'a b', 'x'.repeat(256), 'a\n'])('%j is no image', (name) => {
    expect(() => parseStoredName(name)).toThrow('is not a name');
  });
});

describe('users, directories and signals', () => {
  test.each(['root', '1000', 'me:us', '1:2', 'svc$'])('%s is a user', (user) => {
    expect(parseUser(user, '--user')).toBe(user);
  });

  test.each(['', ':', 'a:', ':a', 'a b', 'a:b:c', '-x', '../x'])('%j is none', (user) => {
    expect(() => parseUser(user, '--user')).toThrow('--user');
  });

  test.each(['', 'tmp', './x', '~/x', '/a\0b'])('%j is no directory', (path) => {
    expect(() => parseWorkdir(path, '--workdir')).toThrow('--workdir');
  });

  test.each([
    ['TERM', 'SIGTERM'],
    ['sigkill', 'SIGKILL'],
    ['9', 'SIGKILL'],
  ])('%s is %s', (text, name) => {
    expect(parseSignalName(text, '--signal')).toBe(name);
  });

  test.each(['', '0', '99', 'NOPE', '9x'])('%j is no signal', (text) => {
    expect(() => parseSignalName(text, '--signal')).toThrow('--signal');
  });
});
