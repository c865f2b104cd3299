import { expect, test } from 'vitest';
import { FakeRunner } from './fake-runner.ts';

const installed = { 'qemu-img': '/usr/bin/qemu-img' };

test('an announced program answers as scripted', async () => {
  const lines: string[] = [];
  const runner = new FakeRunner(installed).expectRun(
    ['qemu-img', 'info', (path) => path.endsWith('.qcow2')],
    {
      stdout: 'a\nb\n',
    },
  );
  const result = await runner.run(['qemu-img', 'info', '/x.qcow2'], {
    onLine: (_, line) => lines.push(line),
  });
  expect(result).toEqual({ stdout: 'a\nb\n', stderr: '', exitCode: 0 });
  expect(lines).toEqual(['a', 'b']);
  runner.verify();
});

test('anything else is refused', async () => {
  const runner = new FakeRunner(installed);
  await expect(runner.run(['qemu-img'])).rejects.toThrow('Unexpected run');
  runner.expectRun(['qemu-img', 'info']);
  await expect(runner.run(['qemu-img', 'info', 'more'])).rejects.toThrow('but got');
  runner.expectRun(['qemu-img']);
  await expect(runner.spawnDetached(['qemu-img'])).rejects.toThrow('but got spawn');
  runner.expectRun(['qemu-img', 'check']);
  expect(() => runner.verify()).toThrow('run qemu-img check');
});

test('missing, failing and cancelled programs reject as with the real runner', async () => {
  const runner = new FakeRunner(installed).expectRun(['qemu-img'], { exitCode: 1, stderr: 'no\n' });
  await expect(runner.run(['mkfs.ext4'])).rejects.toMatchObject({ code: 'missing_tool' });
  await expect(runner.run(['qemu-img'])).rejects.toMatchObject({ code: 'command_failed' });
  const abort = new AbortController();
  const running = runner.expectRun(['qemu-img'], { hangs: true }).run(['qemu-img'], { signal: abort.signal });
  abort.abort();
  await expect(running).rejects.toMatchObject({ code: 'cancelled' });
});

test('a detached program runs until it is ended', async () => {
  const runner = new FakeRunner(installed).expectSpawn(['qemu-img']);
  const child = await runner.spawnDetached(['qemu-img']);
  child.kill('SIGHUP');
  child.kill('SIGTERM');
  expect(await child.exited).toEqual({ exitCode: null, signal: 'SIGTERM' });
  expect(runner.spawned[0]?.signals).toEqual(['SIGHUP', 'SIGTERM']);
});
