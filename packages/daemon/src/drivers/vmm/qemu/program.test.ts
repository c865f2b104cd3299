import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FakeRunner } from '@banger/testkit/fake-runner';
import { QemuFinder } from './program.ts';

let dir: string;
let binary: string;
let runner: FakeRunner;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'qemu-'));
  binary = join(dir, 'qemu-system-x86_64');
  await writeFile(binary, 'one');
  runner = new FakeRunner({ 'qemu-system-x86_64': binary });
});
afterEach(() => rm(dir, { recursive: true }));

const says = (version: string): FakeRunner =>
  runner
    .expectRun([binary, '--version'], {
      stdout: `QEMU emulator version ${version} (Debian 1:7.2)\nCopyright\n`,
    })
    .expectRun([binary, '-L', 'help'], { stdout: `/nonexistent/qemu\n${dir}\n` });

it('asks for version and firmware, and again only when the program has changed', async () => {
  says('7.2.22');
  const finder = new QemuFinder(runner);
  expect(await finder.find()).toEqual({ binary, version: '7.2.22', firmware: undefined });
  await finder.find();
  runner.verify();

  await writeFile(binary, 'another');
  await writeFile(join(dir, 'qboot.rom'), '');
  says('10.0.1');
  expect(await finder.find()).toEqual({ binary, version: '10.0.1', firmware: 'qboot.rom' });
  runner.verify();
});

it.each(['6.2.0', '7.1.9', '0.99.1'])('refuses QEMU %s, which cannot do what is needed', async (version) => {
  says(version);
  await expect(new QemuFinder(runner).find()).rejects.toMatchObject({
    code: 'vmm_failed',
    details: { version },
  });
});

it('refuses a program that says no version, and says when there is none', async () => {
  runner.expectRun([binary, '--version'], { stdout: 'hello\n' }).expectRun([binary, '-L', 'help']);
  await expect(new QemuFinder(runner).find()).rejects.toMatchObject({ code: 'vmm_failed' });
  await expect(new QemuFinder(new FakeRunner({})).find()).rejects.toMatchObject({ code: 'missing_tool' });
});
