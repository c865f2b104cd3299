import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectFault, type ExpectedFault } from './expect-fault.ts';
import { FaultHome } from './fault-home.ts';

const USAGE = { code: 'usage', status: 2 } as const;

describe('what cannot be done as it is written', () => {
  let home: FaultHome;
  beforeAll(() => {
    home = FaultHome.empty();
  });
  afterEach(() => expect(home.leftovers()).toEqual([]));
  afterAll(async () => {
    expect(await home.list()).toEqual([]);
    await home.remove();
  });

  const name = { code: 'name_invalid', status: 2 } as const;
  const value = { code: 'invalid_argument', status: 1 } as const;
  test.each<[string, string[], ExpectedFault]>([
    ['a name with a capital', ['vm', 'create', '--name', 'Box'], { ...name, says: '"Box"' }],
    ['a name that is a path', ['vm', 'create', '--name', '../x'], name],
    ['a name with a hyphen at its end', ['vm', 'create', '--name', 'box-'], name],
    [
      'a name with an escape sequence',
      ['vm', 'create', '--name', '\u001b[2Jx'],
      { ...name, says: '"\\x1b[2Jx"' },
    ],
    ['a name of 64 characters', ['vm', 'create', '--name', 'a'.repeat(64)], name],
    ['an empty name', ['vm', 'create', '--name', ''], name],
    ['no CPUs', ['vm', 'create', '--vcpu', '0'], USAGE],
    ['more CPUs than there can be', ['vm', 'create', '--vcpu', '100000'], USAGE],
    [
      'more CPUs than a VM can have',
      ['vm', 'create', '--vcpu', '129'],
      { ...USAGE, says: /--vcpu.*from 1 to 128/ },
    ],
    ['half a CPU', ['vm', 'create', '--vcpu', '0.5'], USAGE],
    ['no memory', ['vm', 'create', '--memory', '0'], USAGE],
    ['negative memory', ['vm', 'create', '--memory=-1G'], USAGE],
    ['memory in which no kernel boots', ['vm', 'create', '--memory', '1'], { ...USAGE, says: /from 128M/ }],
    ['memory that is no number', ['vm', 'create', '--memory', 'much'], USAGE],
    ['memory past all numbers', ['vm', 'create', '--memory', '99999999999999999999G'], USAGE],
    ['no disk', ['vm', 'create', '--disk-size', '0'], USAGE],
    ['a disk without a unit', ['vm', 'create', '--disk-size', '1'], USAGE],
    [
      'a disk that holds no file system',
      ['vm', 'create', '--disk-size', '1M'],
      { ...USAGE, says: /from 64M/ },
    ],
    ['an absurd disk', ['vm', 'create', '--disk-size', '4096T'], USAGE],
    ['a disk past what is allowed', ['vm', 'create', '--disk-size', '2T'], USAGE],
    ['a root disk too small for the image', ['vm', 'create', '--root-size', '1M'], USAGE],
    ['an unknown image', ['vm', 'create', '--image', 'No-Such'], { code: 'image_not_found', status: 1 }],
    [
      'an image that is a path',
      ['vm', 'create', '--image', '../../etc'],
      { code: 'image_not_found', status: 1 },
    ],
    ['an unknown kernel', ['vm', 'create', '--kernel', 'no-such'], { code: 'kernel_not_found', status: 1 }],
    ['an unknown network', ['vm', 'create', '--network', 'bridge'], USAGE],
    ['a variable without a value', ['vm', 'create', '--env', 'NO_VALUE_OF_THAT_NAME='.slice(0, -1)], USAGE],
    ['an unknown option', ['vm', 'create', '--no-such-option'], USAGE],
    ['an option of a later day', ['vm', 'run', '--from', 'main'], USAGE],
    ['an unknown command', ['vm', 'explode'], USAGE],
    ['a name too many', ['vm', 'show', 'one', 'two'], USAGE],
    ['no name at all', ['vm', 'delete'], USAGE],
    ['--detach with --rm', ['vm', 'run', '-d', '--rm'], USAGE],
    ['--detach with a command', ['vm', 'run', '-d', '--', 'true'], USAGE],
    ['a workspace, which is not there yet', ['vm', 'run', './repo'], { code: 'not_supported', status: 125 }],
    ['a VM that is not there', ['vm', 'show', 'none'], { code: 'vm_not_found', status: 1, says: '"none"' }],
    [
      'a command in a VM that is not there',
      ['vm', 'exec', 'none', '--', 'true'],
      { code: 'vm_not_found', status: 125 },
    ],
    ['a signal that is none', ['vm', 'kill', '--signal', 'SIGWHAT', 'none'], USAGE],
    ['a name longer than any', ['vm', 'show', 'x'.repeat(5_000)], value],
    [
      'an image to delete that is not there',
      ['image', 'delete', 'none'],
      { code: 'image_not_found', status: 1 },
    ],
    ['a pull of what is no image', ['image', 'pull', 'None'], { code: 'image_not_found', status: 1 }],
    [
      'a kernel file that is not there',
      ['kernel', 'import', 'mine', '--from', '/nonexistent/vmlinuz'],
      value,
    ],
    [
      'a kernel file that is none',
      ['kernel', 'import', 'mine', '--from', '/etc/passwd'],
      { code: 'kernel_invalid', status: 1 },
    ],
  ])('%s', async (_what, argv, fault) => {
    expectFault(await home.run(argv), fault);
  });
});
