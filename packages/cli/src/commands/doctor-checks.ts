import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { DoctorCheck } from '@banger/contract/doctor';
import type { Machine } from '../machine.ts';

/** The oldest Node.js whose type stripping and SQLite the programs need. */
const OLDEST_NODE = 24;
const OTHERS = 0o077;

type Finding = Pick<DoctorCheck, 'status' | 'detail' | 'fix'>;

/** Checks that need no daemon: what could keep one from being reached. They change nothing. */
export async function localChecks(machine: Machine): Promise<DoctorCheck[]> {
  const { nodeVersion, env, uid } = machine;
  const first: DoctorCheck[] = [
    { id: 'cli.node', title: 'Node.js', ...node(nodeVersion) },
    { id: 'cli.home', title: 'BANGER_HOME', ...home(env['BANGER_HOME']) },
  ];
  if (first.some(({ id, status }) => id === 'cli.home' && status === 'fail')) return first;
  const { paths } = machine;
  return [
    ...first,
    { id: 'cli.run-directory', title: 'Runtime directory', ...(await runDirectory(paths.run, uid)) },
    { id: 'cli.socket', title: 'Socket', ...(await socket(paths.socket, uid)) },
  ];
}

function node(version: string): Finding {
  const major = Number(/^v(\d+)/.exec(version)?.[1]);
  if (major >= OLDEST_NODE) return pass(version);
  return fail(
    `${version} is too old: ${OLDEST_NODE} is needed`,
    `Run banger with Node.js ${OLDEST_NODE} or newer.`,
  );
}

function home(value: string | undefined): Finding {
  if (value === undefined || value === '')
    return pass('not set, the directories of the XDG specification are used');
  if (value.startsWith('/')) return pass(value);
  return fail(`"${value}" is no absolute path`, `export BANGER_HOME="$PWD/${value}"`);
}

async function runDirectory(path: string, uid: number): Promise<Finding> {
  const found = await stat(path);
  if (found === 'absent') return pass(`${path} is not there yet and will be made`);
  if (typeof found === 'string') return fail(`${path} cannot be looked at: ${found}`, `ls -ld ${path}`);
  if (found.isSymbolicLink()) return fail(`${path} is a symbolic link`, `rm ${path}`);
  if (!found.isDirectory()) return fail(`${path} is no directory`, `mv ${path} ${path}.old`);
  if (found.uid !== uid)
    return fail(
      `${path} belongs to another user (uid ${found.uid})`,
      'Set BANGER_HOME to a directory of yours.',
    );
  if ((found.mode & OTHERS) === 0) return pass(path);
  return {
    status: 'warn',
    detail: `${path} is open to other users; the daemon will close it`,
    fix: `chmod 700 ${path}`,
  };
}

async function socket(path: string, uid: number): Promise<Finding> {
  const found = await stat(path);
  if (found === 'absent') return pass(`${path} is not there: no daemon runs`);
  if (typeof found === 'string') return fail(`${path} cannot be looked at: ${found}`, `ls -l ${path}`);
  if (!found.isSocket()) return fail(`${path} is no socket`, `mv ${path} ${path}.old`);
  if (found.uid !== uid)
    return fail(
      `${path} belongs to another user (uid ${found.uid})`,
      'Set BANGER_HOME to a directory of yours.',
    );
  return pass(path);
}

async function stat(path: string): Promise<Stats | string> {
  try {
    return await lstat(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'absent' : (code ?? 'unknown reason');
  }
}

function pass(detail: string): Finding {
  return { status: 'pass', detail, fix: '' };
}

function fail(detail: string, fix: string): Finding {
  return { status: 'fail', detail, fix };
}
