import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigView } from '@banger/contract/config';
import type { DoctorReport } from '@banger/contract/doctor';
import type { VmPlan } from '@banger/contract/vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { banger, bangerJson } from '../harness/banger.ts';
import { processesOf } from '../harness/leftovers.ts';

let home: string;
let file: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'banger-config-'));
  file = join(home, 'config/config.toml');
});
afterAll(async () => {
  await banger(['daemon', 'stop'], { home });
  expect(processesOf(home)).toEqual([]);
  rmSync(home, { recursive: true });
});

function write(text: string): void {
  mkdirSync(join(home, 'config'), { recursive: true, mode: 0o700 });
  writeFileSync(file, text, { mode: 0o600 });
}

const show = () => bangerJson<ConfigView>(['config', 'show'], { home });
const check = async (id: string) => {
  const { stdout } = await banger(['doctor', '--json'], { home });
  return (JSON.parse(stdout) as DoctorReport).checks.find((each) => each.id === id);
};

test('a daemon does not start with a broken file: one error says why, and nothing is made', async () => {
  write('log_level = "info"\nvcpu = 2\n');
  const message = `${file}:2:1: there is no key vcpu; did you mean vm_defaults.vcpu?`;
  for (const argv of [['config', 'show'], ['ps']]) {
    expect(await banger([...argv, '-q'], { home })).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^error\[config_invalid\]: [^\n]*\nhint: [^\n]*\n$/) as string,
    });
  }
  const { stderr } = await banger(['ps', '--json'], { home });
  expect(JSON.parse(stderr)).toMatchObject({
    error: {
      code: 'config_invalid',
      message,
      details: { file, problems: [{ line: 2, column: 1, key: 'vcpu' }] },
    },
  });
  expect(await check('config')).toMatchObject({ status: 'fail', detail: message });
  expect(await banger(['config', 'path'], { home })).toMatchObject({ status: 0, stdout: `${file}\n` });
  expect(existsSync(join(home, 'state/banger.db'))).toBe(false);
  expect(processesOf(home)).toEqual([]);
});

test('a flag wins over the file, the file over the host, and the plan says so', async () => {
  write('[vm_defaults]\nvcpu = 3\nmemory_mib = 640\n');
  const argv = ['vm', 'run', '--dry-run', '--memory', '512M'];
  const { spec, origins } = await bangerJson<VmPlan>(argv, { home });
  expect(spec).toMatchObject({ vcpu: 3, memoryMib: 512 });
  expect(origins).toMatchObject({
    vcpu: 'config',
    memoryMib: 'flag',
    diskBytes: 'default',
    image: 'default',
  });
  expect(await check('config')).toMatchObject({ status: 'pass', detail: file });
});

test('a change of the file is told, and holds for the next daemon', async () => {
  write('[vm_defaults]\nvcpu = 4\n');
  expect((await show()).now).toEqual({
    state: 'changed',
    differences: [
      { key: 'vm_defaults.vcpu', from: 3, to: 4 },
      { key: 'vm_defaults.memory_mib', from: 640, to: expect.any(Number) },
    ],
  });
  expect(await check('config')).toMatchObject({ status: 'warn' });
  write('[vm_defaults\n');
  expect(await banger(['config', 'show'], { home })).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(/vm_defaults\.vcpu +3 /) as string,
    stderr: expect.stringContaining(`error[config_invalid]: ${file}:2:1: this is not TOML`) as string,
  });
  expect(await check('config')).toMatchObject({ status: 'fail' });
  write('[vm_defaults]\nvcpu = 4\n');
  await banger(['daemon', 'stop'], { home });
  const { values, now } = await show();
  expect(now).toEqual({ state: 'unchanged' });
  expect(values).toContainEqual({ key: 'vm_defaults.vcpu', value: 4, origin: 'config', source: `${file}:2` });
});
