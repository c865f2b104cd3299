import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BANGER_BIN, banger, bangerJson, startBanger } from '../harness/banger.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { until } from '../harness/until.ts';

const MIB = 1024 * 1024;
const home = sharedHome();
const name = 'copies';
let root: string;

const run = (...argv: string[]) => banger(argv, { home });
/** Without progress, which a busy machine has more of. */
const inGuest = async (script: string): Promise<string> => {
  const { status, stdout, stderr } = await run('vm', 'exec', name, '--', 'sh', '-c', script);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
};
const cp = (...argv: string[]) => run('vm', 'cp', '-q', ...argv);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Everything below a directory, with all that a copy keeps. */
function walk(path: Buffer, shown = ''): string[] {
  return readdirSync(path, { encoding: 'buffer' })
    .flatMap((entry) => {
      const full = Buffer.concat([path, Buffer.from('/'), entry]);
      const stats = lstatSync(full);
      const line = `${shown}${entry.toString('latin1')} ${stats.mode.toString(8)} ${Math.floor(stats.mtimeMs)}`;
      if (stats.isSymbolicLink()) return [`${line} -> ${readlinkSync(full)}`];
      if (stats.isFile()) return [`${line} ${sha256(readFileSync(full))}`];
      return [line, ...walk(full, `${shown}${entry.toString('latin1')}/`)];
    })
    .toSorted();
}

beforeAll(async () => {
  expect(await run('vm', 'create', '--name', name)).toMatchObject({ status: 0 });
});
afterAll(() => run('vm', 'delete', name));
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-cp-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('a tree', () => {
  test('goes into the VM and comes back with every attribute', async () => {
    const source = join(root, 'source');
    mkdirSync(join(source, 'sub/deep'), { recursive: true });
    writeFileSync(join(source, 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(source, 'big'), randomBytes(3 * MIB));
    writeFileSync(join(source, 'sub/new\nline'), '');
    writeFileSync(Buffer.from(`${source}/bytes \xff\xfe`, 'latin1'), 'x', { mode: 0o400 });
    symlinkSync('../run.sh', join(source, 'sub/up'));
    symlinkSync('/no/where', join(source, 'dangling'));
    chmodSync(join(source, 'sub/deep'), 0o500);
    for (const path of ['run.sh', 'sub/deep', 'sub', ''])
      utimesSync(join(source, path), 1e9, 1_234_567_890.5);

    expect(await cp(source, `${name}:/tmp/in`)).toMatchObject({ status: 0, stderr: '' });
    expect(await inGuest('stat -c "%a %U:%G %Y %N" /tmp/in/run.sh /tmp/in/sub/deep /tmp/in/sub/up')).toBe(
      `755 root:root 1234567890 '/tmp/in/run.sh'\n500 root:root 1234567890 '/tmp/in/sub/deep'\n` +
        `777 root:root ${Math.floor(lstatSync(join(source, 'sub/up')).mtimeMs / 1000)} '/tmp/in/sub/up' -> '../run.sh'\n`,
    );
    expect(await cp(`${name}:/tmp/in`, join(root, 'out'))).toMatchObject({ status: 0, stderr: '' });
    expect(walk(Buffer.from(join(root, 'out')))).toEqual(walk(Buffer.from(source)));
    // Into a directory that is there: under its name.
    expect(await cp(`${name}:/tmp/in/sub`, root)).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(root).toSorted()).toEqual(['out', 'source', 'sub']);
  });

  test('of files with holes takes no more room on the other side', async () => {
    const source = join(root, 'sparse');
    const mark = 8 * MIB;
    const fd = openSync(source, 'w');
    writeSync(fd, 'somewhere', mark);
    ftruncateSync(fd, 20 * MIB);
    closeSync(fd);
    expect(await cp(source, `${name}:/root/sparse`)).toMatchObject({ status: 0 });
    const [size, kib] = (await inGuest('cd /root; stat -c %s sparse; du -k sparse | cut -f1'))
      .split('\n')
      .map(Number);
    expect(size).toBe(20 * MIB);
    expect(kib).toBeLessThan(100);
    expect(await cp(`${name}:/root/sparse`, join(root, 'back'))).toMatchObject({ status: 0 });
    expect(lstatSync(join(root, 'back')).blocks * 512).toBeLessThan(100 * 1024);
    expect(readFileSync(join(root, 'back')).equals(readFileSync(source))).toBe(true);
    await inGuest('rm /root/sparse');
  });

  test('of many small files takes seconds', async () => {
    const source = join(root, 'many');
    for (let folder = 0; folder < 50; folder += 1) {
      mkdirSync(join(source, String(folder)), { recursive: true });
      for (let file = 0; file < 100; file += 1)
        writeFileSync(join(source, `${folder}/${file}`), `${folder} ${file}`);
    }
    let begun = performance.now();
    expect(await bangerJson(['vm', 'cp', source, `${name}:/tmp`], { home })).toMatchObject({
      ...{ files: 5_000, directories: 51, skipped: 0 },
    });
    const inMs = performance.now() - begun;
    begun = performance.now();
    expect(await cp(`${name}:/tmp/many`, join(root, 'back'))).toMatchObject({ status: 0 });
    console.info(`5,000 files: ${Math.round(inMs)} ms in, ${Math.round(performance.now() - begun)} ms out`);
    expect(walk(Buffer.from(join(root, 'back')))).toEqual(walk(Buffer.from(source)));
  });
});

describe('a stream', () => {
  test('100 MB through standard input and output are the same', async () => {
    const bytes = randomBytes(100 * MIB);
    let begun = performance.now();
    const into = await banger(['vm', 'cp', '-q', '-', `${name}:/tmp/stream`], { home, input: bytes });
    const inMs = performance.now() - begun;
    expect(into).toMatchObject({ status: 0, stderr: '' });
    begun = performance.now();
    const child = startBanger(['vm', 'cp', `${name}:/tmp/stream`, '-'], { home });
    const hash = createHash('sha256');
    child.stdout?.on('data', (chunk: Buffer) => hash.update(chunk));
    expect(await once(child, 'close')).toEqual([0, null]);
    console.info(`100 MiB: ${Math.round(inMs)} ms in, ${Math.round(performance.now() - begun)} ms out`);
    expect(hash.digest('hex')).toBe(sha256(bytes));
  });

  test('a VM that takes no more is heard of although the input goes on', async () => {
    const child = startBanger(['vm', 'cp', '-', `${name}:/no/such/directory/file`], { home });
    child.stdin?.write('and nothing more comes');
    const said: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(Buffer.concat(said).toString()).toContain('No such file or directory');
  });
});

describe('a hostile guest', () => {
  test('plants links, pipes, devices and odd names: nothing leaves the target', async () => {
    mkdirSync(join(root, 'outside'));
    writeFileSync(join(root, 'outside/secret'), 'untouched');
    await inGuest(`rm -rf /tmp/evil && mkdir -p /tmp/evil/d && cd /tmp/evil &&
      ln -s ${root}/outside link && ln -s ../outside/secret file && mkfifo pipe && mknod null c 1 3 && mknod loop b 7 0 &&
      printf su > su && chmod 6777 su && ln su hard && truncate -s 3G sparse && mv sparse d/ &&
      printf x > "$(printf 'esc\\033[2Jape')"`);
    await inGuest('rm /tmp/evil/d/sparse');
    const out = await cp(`${name}:/tmp/evil`, join(root, 'out'));
    expect(out.status).toBe(0);
    expect(out.stderr.split('\n').filter((line) => line.startsWith('warning: not copied'))).toHaveLength(3);
    expect(out.stderr).not.toContain('\u001b');
    expect(readlinkSync(join(root, 'out/link'))).toBe(`${root}/outside`);
    // What of the rest is left, the umask says.
    expect(lstatSync(join(root, 'out/su')).mode & 0o7700).toBe(0o700);
    expect(readFileSync(join(root, 'out/hard'), 'latin1')).toBe('su');

    // The links of the first copy are where the second one wants directories and files.
    await inGuest(
      'cd /tmp/evil && rm link file && mkdir link && echo evil > link/secret && echo evil > file',
    );
    const again = await cp(`${name}:/tmp/evil/.`, join(root, 'out'));
    expect(again).toMatchObject({ status: 1, stderr: expect.stringContaining('exists and is no directory') });
    expect(readdirSync(join(root, 'outside'))).toEqual(['secret']);
    expect(readFileSync(join(root, 'outside/secret'), 'latin1')).toBe('untouched');
    expect(walk(Buffer.from(join(root, 'out'))).filter((line) => line.includes('.banger-'))).toEqual([]);
  });

  test('the file systems of the kernel are left out of a tree', async () => {
    const { status, stderr } = await cp(`${name}:/proc/version`, join(root, 'version'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(join(root, 'version'), 'latin1')).toContain('Linux version');
    await inGuest('mkdir -p /tmp/mounted/p && mount -t proc none /tmp/mounted/p');
    expect(await cp(`${name}:/tmp/mounted`, root)).toMatchObject({
      ...{ status: 0, stderr: expect.stringContaining('a file system of the kernel') },
    });
    expect(readdirSync(join(root, 'mounted'))).toEqual([]);
  });
});

describe('Ctrl-C in the middle', () => {
  test('out: no half file is left, and that the rest is missing is told', async () => {
    await inGuest(
      'mkdir -p /tmp/endless && cd /tmp/endless && echo a > a && head -c 8M /dev/urandom > z && truncate -s 1T z',
    );
    const child = startBanger(['vm', 'cp', `${name}:/tmp/endless`, join(root, 'out')], { home });
    const said: Buffer[] = [];
    child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
    const big = (): boolean =>
      existsSync(join(root, 'out')) &&
      readdirSync(join(root, 'out')).some((each) => lstatSync(join(root, 'out', each)).size > MIB);
    await until('some of the big file', async () => (big() ? true : undefined));
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
    expect(Buffer.concat(said).toString()).toContain('may hold a part of the copy');
    expect(readdirSync(join(root, 'out')).filter((each) => each !== 'a')).toEqual([]);
  });

  test('in: no half file is left', async () => {
    const child = startBanger(['vm', 'cp', '-', `${name}:/tmp/half`], { home });
    child.stdin?.on('error', () => undefined);
    child.stdin?.write(randomBytes(4 * MIB));
    await until('some of it', async () =>
      (await inGuest('ls -a /tmp')).includes('.banger-') ? true : undefined,
    );
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
    await until('the rest to go', async () =>
      (await inGuest('ls -a /tmp')).includes('.banger-') ? undefined : true,
    );
    expect(await inGuest('ls /tmp')).not.toContain('half');
  });
});

describe('arguments', () => {
  test('1.5 MiB of them reach the command', async () => {
    const words = Array.from({ length: 130_000 }, (_, index) => String(index));
    const script = ['sh', '-c', 'echo $#; echo "$*" | sha256sum', 'sh'];
    const count = await banger(['vm', 'exec', name, '--', ...script, ...words], { home });
    expect(count.stdout).toBe(`130000\n${sha256(Buffer.from(`${words.join(' ')}\n`))}  -\n`);
  });

  test('one as long as Linux takes reaches it', async () => {
    const { stdout, stderr, status } = await run('vm', 'exec', name, '--', 'echo', 'x'.repeat(131_071), '-e');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.length).toBe(131_071 + 4);
  });

  test('bytes that are no UTF-8 reach the command, and name files', async () => {
    // A shell of the host makes the bytes: Node cannot pass them on.
    const shell = (script: string) =>
      spawn('sh', ['-c', script, process.execPath, BANGER_BIN], {
        env: { ...process.env, BANGER_HOME: home },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    const child = shell(
      `b=$(printf 'a\\377z'); cd ${root}; printf hi > "$b"; "$0" "$1" vm cp -q "$b" ${name}:/tmp >&2 &&
       "$0" "$1" vm exec ${name} -- sh -c 'printf %s "$1" | od -An -tx1; cat "/tmp/$1"' sh "$b"`,
    );
    const said: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(Buffer.concat(said).toString()).toBe(' 61 ff 7a\nhi');
  });
});
