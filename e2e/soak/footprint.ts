import { copyFileSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { processesOf } from '../harness/leftovers.ts';

/** What a home's daemon has and keeps at one moment. */
export interface Footprint {
  /** Anonymous memory of the daemon in MiB (proc_pid_status(5), RssAnon): what it has allocated and not given back. */
  readonly memoryMib: number;
  /** Open file descriptors of the daemon. */
  readonly descriptors: number;
  /** Its timers and other handles are not to be seen from outside; threads are. */
  readonly threads: number;
  /** Processes of the home, the daemon itself left out. */
  readonly processes: number;
  /** Files and directories of the home. */
  readonly files: number;
  /** KiB that they take on the disk, without what grows by design: log and database, and what guests write. */
  readonly diskKib: number;
  /** Rows of each table of the database. */
  readonly rows: Readonly<Record<string, number>>;
}

/** The daemon's log is capped, and the write-ahead log is cut when it is full: neither is a leak. */
const GROWING = /\/(bangerd\.log(\.1)?|banger\.db(-wal|-shm)?)$/;
/** What a guest writes: its disks, and its console. */
const GUESTS = /\/vms\/[^/]+\/(root\.qcow2|work\.ext4|console\.log)$/;
const BLOCK_BYTES = 512;
const KIB = 1024;

/** Looks at a home and its daemon, whose process id is given. */
export function footprintOf(home: string, daemon: number): Footprint {
  const status = readFileSync(`/proc/${daemon}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1]);
  const files = [...walk(home)];
  const kept = files.filter((path) => !GROWING.test(path));
  const blocks = kept.filter((path) => !GUESTS.test(path)).map((path) => lstatSync(path).blocks);
  return {
    memoryMib: Math.round(field('RssAnon') / KIB),
    descriptors: readdirSync(`/proc/${daemon}/fd`).length,
    threads: field('Threads'),
    processes: processesOf(home).filter(({ pid }) => pid !== daemon).length,
    files: kept.length,
    diskKib: Math.round((blocks.reduce((sum, count) => sum + count, 0) * BLOCK_BYTES) / KIB),
    rows: rowsIn(join(home, 'state')),
  };
}

function* walk(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    yield path;
    if (entry.isDirectory()) yield* walk(path);
  }
}

/** The daemon holds the lock of the database: its rows are counted in a copy. */
function rowsIn(state: string): Record<string, number> {
  const copy = mkdtempSync(join(tmpdir(), 'banger-rows-'));
  try {
    for (const name of ['banger.db', 'banger.db-wal'])
      if (existsSync(join(state, name))) copyFileSync(join(state, name), join(copy, name));
    const database = new DatabaseSync(join(copy, 'banger.db'));
    try {
      const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
      return Object.fromEntries(
        tables.map(({ name }) => [
          String(name),
          Number(database.prepare(`SELECT count(*) AS n FROM "${String(name)}"`).get()?.['n']),
        ]),
      );
    } finally {
      database.close();
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
}
