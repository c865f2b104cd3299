import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { createRunner } from './execa-runner.ts';
import { ProcessTable, type ProcessIdentity } from './process-identity.ts';

const runner = createRunner();
const processes = new ProcessTable();
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banger-runner-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 500; tries += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await systemClock.sleep(10);
  }
  throw new Error('it did not happen within 5 s');
}

const readPid = async (path: string): Promise<number | undefined> => {
  const content = await readFile(path, 'utf8').catch(() => '');
  return content.endsWith('\n') ? Number(content) : undefined;
};

const identify = async (pidFile: string): Promise<ProcessIdentity> => {
  const pid = await until(() => readPid(pidFile));
  return until(() => processes.identify(pid));
};

test('gives back output, exit code and input', async () => {
  const result = await runner.run(['sh', '-c', 'cat; echo err >&2; exit 3'], {
    input: 'in\n',
    okExitCodes: [3],
  });
  expect(result).toEqual({ stdout: 'in\n', stderr: 'err\n', exitCode: 3 });
});

test('passes arguments untouched by any shell', async () => {
  const { stdout } = await runner.run(['printf', '%s|', '$HOME', 'a b', '*', '']);
  expect(stdout).toBe('$HOME|a b|*||');
});

test('a failure quotes the end of stderr', async () => {
  await expect(runner.run(['sh', '-c', 'echo no such disk >&2; exit 4'])).rejects.toMatchObject({
    code: 'command_failed',
    message: 'sh failed with exit code 4: no such disk',
    details: { exitCode: 4 },
  });
});

test('a death by signal is told', async () => {
  await expect(runner.run(['sh', '-c', 'kill -9 $$'])).rejects.toMatchObject({
    code: 'command_failed',
    message: 'sh was ended by SIGKILL.',
  });
});

test('a missing program is named', async () => {
  const missing = { code: 'missing_tool', details: { program: 'banger-no-such-program' } };
  await expect(runner.run(['banger-no-such-program', 'x'])).rejects.toMatchObject(missing);
  await expect(runner.spawnDetached(['banger-no-such-program'])).rejects.toMatchObject(missing);
});

test('a missing working directory is not taken for a missing program', async () => {
  const cwd = join(directory, 'gone');
  await expect(runner.run(['true'], { cwd })).rejects.toMatchObject({ code: 'command_failed' });
  await expect(runner.spawnDetached(['true'], { cwd })).rejects.toMatchObject({
    code: 'command_failed',
    message: expect.stringContaining(cwd),
  });
});

test('lines are told while the program runs', async () => {
  const lines: string[] = [];
  const release = join(directory, 'release');
  const script = `echo one; while [ ! -e ${release} ]; do sleep 0.01; done; echo two >&2`;
  const running = runner.run(['sh', '-c', script], {
    onLine: (stream, line) => lines.push(`${stream}:${line}`),
  });
  await until(() => (lines.length > 0 ? true : undefined));
  expect(lines).toEqual(['stdout:one']);
  await writeFile(release, '');
  expect((await running).stdout).toBe('one\n');
  expect(lines).toEqual(['stdout:one', 'stderr:two']);
});

test('an abort ends the whole process group', async () => {
  const pidFile = join(directory, 'pid');
  const abort = new AbortController();
  const running = runner.run(['sh', '-c', `sleep 60 & echo $! > ${pidFile}; wait`], { signal: abort.signal });
  const grandchild = await identify(pidFile);
  abort.abort();
  await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  await until(() => (processes.isAlive(grandchild) ? undefined : true));
});

test('what ignores SIGTERM gets SIGKILL, also when its parent has already gone', async () => {
  const pidFile = join(directory, 'pid');
  const abort = new AbortController();
  const stubborn = `trap "" TERM; echo $$ > ${pidFile}; while :; do sleep 0.05; done`;
  const running = runner.run(['sh', '-c', `sh -c '${stubborn}' >/dev/null 2>&1 & sleep 60`], {
    signal: abort.signal,
  });
  const grandchild = await identify(pidFile);
  abort.abort();
  await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  await until(() => (processes.isAlive(grandchild) ? undefined : true));
});

test('an aborted signal starts nothing', async () => {
  const trace = join(directory, 'trace');
  const running = runner.run(['touch', trace], { signal: AbortSignal.abort() });
  await expect(running).rejects.toMatchObject({ code: 'cancelled' });
  await expect(stat(trace)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a time-out names its length', async () => {
  await expect(runner.run(['sleep', '60'], { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'command_failed',
    message: 'sleep did not end within 50 ms.',
  });
});

test('programs of the sbin directories are found whatever PATH is', async () => {
  const bare = createRunner({ environment: { PATH: '/usr/bin:/bin' } });
  expect(await bare.which('mkfs.ext4')).toMatch(/\/sbin\/mkfs\.ext4$/);
  expect((await bare.run(['sh', '-c', 'echo $PATH'])).stdout).toBe('/usr/bin:/bin:/usr/sbin:/sbin\n');
  expect(await bare.which('banger-no-such-program')).toBeUndefined();
});

test('which takes neither a directory nor a file without the executable bit', async () => {
  await writeFile(join(directory, 'plain'), '', { mode: 0o600 });
  const here = createRunner({ environment: { PATH: directory } });
  expect(await here.which('plain')).toBeUndefined();
  expect(await here.which('/tmp')).toBeUndefined();
});

test('a detached program has its own session, a private log and no link to us', async () => {
  const logFile = join(directory, 'log');
  const script = 'echo out; echo err >&2; cut -d" " -f6 /proc/self/stat; echo $$; sleep 60';
  const child = await runner.spawnDetached(['sh', '-c', script], { logFile });
  const log = await until(async () => {
    const lines = (await readFile(logFile, 'utf8')).split('\n');
    return lines.length > 4 ? lines : undefined;
  });
  expect(log.slice(0, 4)).toEqual(['out', 'err', String(child.pid), String(child.pid)]);
  expect((await stat(logFile)).mode & 0o777).toBe(0o600);
  child.kill('SIGKILL');
  expect(await child.exited).toEqual({ exitCode: null, signal: 'SIGKILL' });
});

test('a detached program outlives the process that started it', async () => {
  const pidFile = join(directory, 'pid');
  const code = `
    const { createRunner } = await import(${JSON.stringify(new URL('./execa-runner.ts', import.meta.url).href)});
    const child = await createRunner().spawnDetached(['sleep', '60']);
    (await import('node:fs')).writeFileSync(${JSON.stringify(pidFile)}, child.pid + '\\n');
    process.kill(process.pid, 'SIGKILL');`;
  await expect(runner.run([process.execPath, '--input-type=module', '-e', code])).rejects.toMatchObject({
    message: expect.stringContaining('was ended by SIGKILL'),
  });
  const survivor = await identify(pidFile);
  expect(processes.isAlive(survivor)).toBe(true);
  processes.signal(survivor, 'SIGKILL');
});

test('a program that is run does not outlive the process that runs it', async () => {
  const pidFile = join(directory, 'pid');
  const code = `
    const { createRunner } = await import(${JSON.stringify(new URL('./execa-runner.ts', import.meta.url).href)});
    void createRunner().run(['sh', '-c', ${JSON.stringify(`echo $$ > ${pidFile}; exec sleep 60`)}]);
    const look = () => (process.getBuiltinModule('node:fs').existsSync(${JSON.stringify(pidFile)}) ? process.kill(process.pid, 'SIGKILL') : setTimeout(look, 5));
    look();`;
  await expect(runner.run([process.execPath, '--input-type=module', '-e', code])).rejects.toMatchObject({
    message: expect.stringContaining('was ended by SIGKILL'),
  });
  const pid = await until(() => readPid(pidFile));
  await until(() => (processes.identify(pid) === undefined ? true : undefined));
});

test('neither way of starting a program passes secrets on, and only a run knows the proxies', async () => {
  const log = join(directory, 'log');
  const environment = {
    PATH: '/usr/bin:/bin',
    AWS_SECRET_ACCESS_KEY: 's',
    https_proxy: 'http://p',
    LANG: 'C',
  };
  const here = createRunner({ environment });
  const names = (output: string): string[] =>
    output
      .trim()
      .split('\n')
      .map((line) => line.replace(/=.*/, ''))
      .sort();
  expect(names((await here.run(['env'], { env: { EXTRA: '1' } })).stdout)).toEqual([
    'EXTRA',
    'LANG',
    'PATH',
    'https_proxy',
  ]);
  await (
    await here.spawnDetached(['env'], { env: { EXTRA: '1' }, logFile: log })
  ).exited;
  expect(names(await readFile(log, 'utf8'))).toEqual(['EXTRA', 'LANG', 'PATH']);
});
