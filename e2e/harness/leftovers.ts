import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A process of the host: its pid and argv. */
export interface SeenProcess {
  readonly pid: number;
  readonly argv: string;
}

/** Every process in whose argv or environment `home` stands: whatever a home's daemon started. */
export function processesOf(home: string): SeenProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({ pid: Number(name), argv: read(name, 'cmdline'), environ: read(name, 'environ') }))
    .filter(({ argv, environ }) => argv.includes(home) || environ.includes(`BANGER_HOME=${home}`))
    .map(({ pid, argv }) => ({ pid, argv: argv.replaceAll('\0', ' ') }));
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

/** A process that ends while it is looked at has nothing to say. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
