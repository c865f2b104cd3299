import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { ReadNet } from '@banger/daemon/drivers/network/host-network';
import { createRunner } from '@banger/daemon/host/execa-runner';
import type { Runner } from '@banger/daemon/host/runner';
import type { Listening, Seen } from './listener.ts';
import type { Outcome, Target } from './prober.ts';

const execFileAsync = promisify(execFile);

/** A program in the lab ends within seconds, one that boots a VM on a busy machine within two minutes; this is a hang. */
const EXEC_TIMEOUT_MS = 240_000;

/** Addresses of the lab; the outward ones are documentation ranges (RFC 5737, RFC 3849). */
export const addresses = {
  /** Of the host: loopback, its outward interface, a second interface, one that it took for itself. */
  host: {
    loopback4: '127.0.0.1',
    loopback6: '::1',
    outward4: '203.0.113.1',
    outward6: '2001:db8:1::1',
    second4: '172.17.0.1',
    second6: 'fd00:d0c::1',
  },
  /** Metadata addresses that the host itself serves. */
  hostMetadata: ['169.254.169.254', 'fd00:ec2::254'],
  /** Metadata addresses that the outside serves, and the host has routes to. */
  outsideMetadata: [
    '169.254.170.2',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    'fd20:ce::254',
    'fd00:ec2::253',
  ],
  outside4: '203.0.113.2',
  outside6: '2001:db8:1::2',
  /** Of the outside, behind the host's default routes. */
  far4: '198.51.100.7',
  far6: '2001:db8:77::7',
} as const;

const defaultRoutes = [
  `route add default via ${addresses.outside4}`,
  `route add default via ${addresses.outside6}`,
];

/** A part of the lab: a network namespace. */
export type Place = 'host' | 'outside' | 'guest';

/** A program that listens in a namespace and tells who came. */
export interface ListenerGroup {
  /** What has come so far. */
  readonly seen: readonly Seen[];
  close(): Promise<void>;
}

/**
 * Three network namespaces on this machine: `host` (A), where a user-mode network runs; `outside` (B), its neighbour and default
 * route; `guest` (C), alone. Needs root. Whatever fails, `close` leaves nothing behind.
 */
export class Lab {
  readonly #names: Readonly<Record<Place, string>>;
  readonly #children = new Set<ChildProcess>();

  private constructor(id: string) {
    this.#names = { host: `lab-${id}-host`, outside: `lab-${id}-out`, guest: `lab-${id}-guest` };
  }

  /** Makes the namespaces, their addresses and routes. `id` keeps labs apart; a lab of that id left over is removed first. */
  static async create(id: string): Promise<Lab> {
    if (process.getuid?.() !== 0) throw new Error('The network lab needs root: it makes network namespaces.');
    const lab = new Lab(id);
    await lab.close();
    try {
      await lab.#build();
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** resolv.conf(5) of the host; programs started by `exec` and `runner` there see it as /etc/resolv.conf. */
  get resolvConf(): string {
    return join('/etc/netns', this.#names.host, 'resolv.conf');
  }

  /** Runs a program to its end in a namespace; its standard output. Rejects when it fails. */
  async exec(place: Place, ...argv: readonly string[]): Promise<string> {
    const running = execFileAsync('ip', ['netns', 'exec', this.#names[place], ...argv], {
      timeout: EXEC_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    // A program that reads its input must see its end.
    running.child.stdin?.end();
    const { stdout } = await running;
    return stdout;
  }

  /** A runner whose programs run in a namespace: `ip netns exec` becomes them, so their pids are right. */
  runner(place: Place): Runner {
    const real = createRunner();
    const inside = (argv: readonly string[]): [string, ...string[]] => [
      'ip',
      'netns',
      'exec',
      this.#names[place],
      ...argv,
    ];
    return {
      run: (argv, options) => real.run(inside(argv), options),
      spawnDetached: (argv, options) => real.spawnDetached(inside(argv), options),
      which: (program) => real.which(program),
    };
  }

  /** Reads what the kernel tells of a namespace's network. */
  readNet(place: Place): ReadNet {
    return (file) => this.exec(place, 'cat', `/proc/net/${file}`);
  }

  /** Starts TCP and UDP listeners in a namespace, and waits until all listen. */
  async listen(place: Place, listening: readonly Listening[]): Promise<ListenerGroup> {
    const seen: Seen[] = [];
    const child = await this.start(
      place,
      [process.execPath, join(import.meta.dirname, 'listener.ts'), JSON.stringify(listening)],
      {
        onLine: (line) => void seen.push(JSON.parse(line) as Seen),
      },
    );
    return {
      seen,
      close: () => this.end(child),
    };
  }

  /** Tries every target from a namespace, all at once; one outcome each, in their order. */
  async probe(place: Place, targets: readonly Target[]): Promise<readonly Outcome[]> {
    const program = join(import.meta.dirname, 'prober.ts');
    return JSON.parse(
      await this.exec(place, process.execPath, program, JSON.stringify(targets)),
    ) as Outcome[];
  }

  /** Starts a program that prints `ready` when it is, in a namespace; it is ended by `close`. */
  async start(
    place: Place,
    argv: readonly string[],
    { onLine }: { readonly onLine?: (line: string) => void } = {},
  ): Promise<ChildProcess> {
    const child = spawn('ip', ['netns', 'exec', this.#names[place], ...argv], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    const ready = Promise.withResolvers<void>();
    createInterface(child.stdout).on('line', (line) => (line === 'ready' ? ready.resolve() : onLine?.(line)));
    child.once('exit', (code) =>
      ready.reject(new Error(`${argv.join(' ')} ended with ${code} before it was ready`)),
    );
    await ready.promise;
    return child;
  }

  /** Brings the host's outward interface up again after a test took it down, with what went away with it. */
  async restoreUplink(): Promise<void> {
    await this.#batch(this.#names.host, [
      'link set up0 up',
      `address replace ${addresses.host.outward6}/64 dev up0 nodad`,
      ...defaultRoutes,
    ]);
  }

  /** Processes that run in a namespace. */
  async processes(place: Place): Promise<readonly number[]> {
    const { stdout } = await execFileAsync('ip', ['netns', 'pids', this.#names[place]]);
    return stdout.split('\n').filter(Boolean).map(Number);
  }

  /** Ends every process of the lab and removes its namespaces. */
  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.end(child)));
    const { stdout } = await execFileAsync('ip', ['netns', 'list']);
    const existing = new Set(stdout.split('\n').map((line) => line.split(' ')[0]));
    for (const place of ['guest', 'host', 'outside'] as const) {
      if (!existing.has(this.#names[place])) continue;
      for (const pid of await this.processes(place)) process.kill(pid, 'SIGKILL');
      await execFileAsync('ip', ['netns', 'delete', this.#names[place]]);
    }
    await rm(join('/etc/netns', this.#names.host), { recursive: true, force: true });
  }

  /** Ends a program that `start` started. */
  async end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async #build(): Promise<void> {
    const { host, outside, guest } = this.#names;
    const ip = (...args: readonly string[]) => execFileAsync('ip', args);
    for (const name of [host, outside, guest]) await ip('netns', 'add', name);
    await ip('link', 'add', 'up0', 'netns', host, 'type', 'veth', 'peer', 'name', 'down0', 'netns', outside);
    await this.#batch(host, [
      'link set lo up',
      'link set up0 up',
      'link add second0 type bridge',
      'link set second0 up',
      ...['203.0.113.1/24', '2001:db8:1::1/64'].map(
        (address) => `address add ${address} dev up0 ${nodad(address)}`,
      ),
      ...['172.17.0.1/16', 'fd00:d0c::1/64'].map(
        (address) => `address add ${address} dev second0 ${nodad(address)}`,
      ),
      ...addresses.hostMetadata.map((address) => `address add ${address} dev lo`),
      ...defaultRoutes,
    ]);
    await this.#batch(outside, [
      'link set lo up',
      'link set down0 up',
      ...['203.0.113.2/24', '2001:db8:1::2/64'].map(
        (address) => `address add ${address} dev down0 ${nodad(address)}`,
      ),
      ...[...addresses.outsideMetadata, addresses.far4, addresses.far6].map(
        (address) => `address add ${address} dev lo`,
      ),
    ]);
    await mkdir(join('/etc/netns', host), { recursive: true });
    await writeFile(this.resolvConf, 'nameserver 127.0.0.53\n');
  }

  async #batch(name: string, lines: readonly string[]): Promise<void> {
    for (const line of lines) await execFileAsync('ip', ['-n', name, ...line.split(' ').filter(Boolean)]);
  }
}

/** IPv6 addresses are usable at once only without duplicate address detection. */
function nodad(address: string): string {
  return address.includes(':') ? 'nodad' : '';
}
