import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A process of the host: its pid and argv. */
export interface SeenProcess {
  readonly pid: number;
  readonly argv: string;
}

/** The fields of /proc/PID/stat that tell a family, proc_pid_stat(5). */
interface Process extends SeenProcess {
  readonly parent: number;
  readonly session: number;
  readonly startTicks: number;
  /** The home stands in its argv, or is the one in its environment: the daemon and the command line. */
  readonly named: boolean;
}

/** By home: the processes that were seen as its own, by pid, with their start times. */
const seen = new Map<string, Map<number, number>>();

/**
 * Every process that a home's daemon started, as far as it still runs: those in whose argv or environment `home` stands,
 * all their descendants, and what was one at an earlier look or is of a session that one led. So it tells what neither
 * knows the home nor has its parent any more (passt without netguard), when this file has looked while the parent ran.
 */
export function processesOf(home: string): SeenProcess[] {
  const remembered = seen.get(home) ?? new Map<number, number>();
  seen.set(home, remembered);
  const all = allProcesses(home);
  const ours = ancestry(all, process.pid);
  const family = new Map<number, Process>();
  for (let size = -1; size !== family.size;) {
    size = family.size;
    for (const one of all.values()) {
      const known = remembered.get(one.pid) === one.startTicks;
      // The kernel gives no pid anew while a session has it for its name.
      const led = family.has(one.session) || (remembered.has(one.session) && !all.has(one.session));
      if (!ours.has(one.pid) && (one.named || known || led || family.has(one.parent)))
        family.set(one.pid, one);
    }
  }
  for (const { pid, startTicks } of family.values()) remembered.set(pid, startTicks);
  return [...family.values()].map(({ pid, argv }) => ({ pid, argv: argv.replaceAll('\0', ' ') }));
}

/** Processes of a home without its daemon. */
export function vmProcessesOf(home: string): SeenProcess[] {
  return processesOf(home).filter(
    ({ argv }) => !argv.includes('bangerd') && !argv.includes('daemon/src/main.ts'),
  );
}

/** Names of what lies in a home's folder; empty when there is none. */
export function entries(home: string, ...path: string[]): string[] {
  const folder = join(home, ...path);
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** What runs now, by pid. A zombie has ended: it only waits for its parent. */
function allProcesses(home: string): Map<number, Process> {
  const all = new Map<number, Process>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = read(name, 'stat');
    // The command name may hold spaces and brackets: fields are counted from its last bracket, behind which is field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, parent, , session] = fields;
    if (state === '' || state === 'Z' || state === 'X') continue;
    const argv = read(name, 'cmdline');
    const named = argv.includes(home) || read(name, 'environ').includes(`BANGER_HOME=${home}`);
    all.set(Number(name), {
      ...{ pid: Number(name), argv, named },
      ...{ parent: Number(parent), session: Number(session), startTicks: Number(fields[22 - 3]) },
    });
  }
  return all;
}

/** A process and those that it comes from: the tests' own, in whose argv a home may stand as well. */
function ancestry(all: ReadonlyMap<number, Process>, pid: number): Set<number> {
  const found = new Set<number>();
  for (let at = all.get(pid); at !== undefined && !found.has(at.pid); at = all.get(at.parent))
    found.add(at.pid);
  return found;
}

/** A process that ends while it is looked at has nothing to say. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
