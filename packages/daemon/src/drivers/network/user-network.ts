import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { findOwnProcesses, type OwnProcess, type OwnProcessesOptions } from '../../host/own-processes.ts';
import type {
  FoundNetwork,
  GuestAddresses,
  NetworkAttachment,
  NetworkDriver,
  NetworkHandle,
  NetworkProbe,
  NetworkProblem,
  NetworkSpec,
  NetworkStatus,
  VmmNetwork,
} from './driver.ts';
import { chooseIpv4, chooseIpv6, type GuestSubnet } from './guest-subnet.ts';
import { clearControl, endGuard, startGuard, type GuardHost } from './guard-process.ts';
import { tellGuard } from './guard-word.ts';
import { readHostNetwork, type HostNetwork, type ReadNet } from './host-network.ts';
import { resolversIn, type Resolvers } from './resolver.ts';

/** What the user-mode network is made with. */
export interface UserNetworkOptions extends GuardHost {
  /** Path of the netguard program. */
  readonly netguard: string;
  /** The host's resolv.conf(5), which passt reads as well. */
  readonly resolvConf?: string;
  /** Reads what the kernel tells of the host's network: this namespace's unless given. */
  readonly readNet?: ReadNet;
  /** Where `sweep` looks. */
  readonly own?: OwnProcessesOptions;
}

/** The user that netguard becomes when root starts it: NOBODY in netguard's sandbox.c. */
const NOBODY = 65534;

/** The gateway's MAC address on every VM's own wire: locally administered, and in no vendor's range. */
const GATEWAY_MAC = '52:54:00:62:6e:67';

/** netguard's GUEST_MTU, as large as it takes: each frame costs the same, and far more under emulation. */
const GUEST_MTU = 32_000;

const noRoute: NetworkProblem = {
  message: 'This host has no default route: VMs reach only the networks that it has a route to.',
  hint: 'Connect the host to a network; running VMs follow.',
};
const noResolver: NetworkProblem = {
  message: 'This host has no name server that VMs could use.',
  hint: 'Add a `nameserver` line to /etc/resolv.conf, and start the VM again.',
};

const noIpv6: NetworkProblem = {
  message: 'VMs get no IPv6: this host has routes to every subnet that they could be given.',
  hint: 'See `ip -6 route show table all`; IPv4 is not affected.',
};

/** What one VM gets, as the host is at the moment. */
interface Plan {
  readonly host: HostNetwork;
  readonly ipv4: GuestSubnet;
  readonly ipv6: GuestSubnet | undefined;
  readonly dns4: boolean;
  readonly dns6: boolean;
}

/**
 * A network without privilege: passt turns the guest's packets into sockets of this user, and netguard, in between, refuses every
 * packet to an address of this host, to link-local and metadata addresses, and from an address that is not the VM's own.
 */
export class UserNetwork implements NetworkDriver {
  readonly kind = 'user';
  readonly features = { outbound: true, privileged: false };
  readonly #options: UserNetworkOptions;

  constructor(options: UserNetworkOptions) {
    this.#options = options;
  }

  async probe(): Promise<NetworkProbe> {
    const missingTools: string[] = [];
    for (const tool of ['passt', this.#options.netguard])
      if ((await this.#options.runner.which(tool)) === undefined) missingTools.push(tool);
    if (missingTools.length > 0)
      return { usable: false, missingTools, ipv4: false, ipv6: false, problems: [] };
    try {
      const plan = await this.#plan();
      const { ipv4, ipv6 } = plan.host;
      return { usable: true, missingTools, ipv4, ipv6, problems: problemsOf(plan) };
    } catch (error) {
      if (!(error instanceof BangerError)) throw error;
      const problems = [{ message: error.message, hint: error.hint }];
      return { usable: false, missingTools, ipv4: false, ipv6: false, problems };
    }
  }

  nic({ dir, mac }: Pick<NetworkSpec, 'dir' | 'mac'>): VmmNetwork {
    return { kind: 'stream', socket: socketsIn(dir).socket, mac };
  }

  async prepare(spec: NetworkSpec): Promise<NetworkAttachment> {
    const plan = await this.#plan();
    const { socket, control } = socketsIn(spec.dir);
    const passt = await this.#passt();
    if (spec.signal?.aborted === true)
      throw new BangerError('cancelled', 'Setting up the network was cancelled.');
    const guard = await startGuard(
      this.#options,
      [
        this.#options.netguard,
        ...['--socket', socket, '--control', control],
        ...addressArguments(spec.mac, plan),
        // There also while nothing may leave: netguard starts no process once it runs.
        ...['--passt', passt, '--interface', plan.host.template],
        ...(spec.outbound ? [] : ['--closed']),
      ],
      { control, logFile: spec.logFile },
    );
    return {
      handle: { kind: 'user', guard: guard.identity, socket, control },
      guest: guestAddresses(spec.mac, plan),
      warnings: spec.outbound ? problemsOf(plan).map(({ message }) => message) : [],
      ready: (signal) => guard.ready(signal),
    };
  }

  status(handle: NetworkHandle): Promise<NetworkStatus> {
    if (handle.kind !== 'user' || this.#options.processes.isAlive(handle.guard))
      return Promise.resolve({ up: true });
    return Promise.resolve({ up: false, reason: 'The network process has ended; its log says why.' });
  }

  async setOutbound(handle: NetworkHandle, outbound: boolean): Promise<void> {
    if (handle.kind === 'user') await tellGuard(handle.control, outbound ? 'open' : 'closed');
  }

  async remove(handle: NetworkHandle): Promise<void> {
    if (handle.kind === 'user') await endGuard(this.#options, handle.guard, handle.control);
  }

  async sweep(dir: string): Promise<void> {
    const { socket, control } = socketsIn(dir);
    for (const { identity } of await this.#guards((argv) => this.#socketOf(argv) === socket))
      await endGuard(this.#options, identity, control);
    await clearControl(control);
  }

  async find(directory: string): Promise<readonly FoundNetwork[]> {
    const { processes, clock } = this.#options;
    const guards = await this.#guards((argv) => this.#dirOf(argv, directory) !== undefined);
    return guards.flatMap(({ identity, argv }) => {
      const dir = this.#dirOf(argv, directory);
      return dir === undefined ? [] : [{ dir, startedAt: clock.now() - processes.ageMs(identity) }];
    });
  }

  /**
   * Those of this user, and those that root started and that have given its rights away. Of the latter a stranger could make one that
   * looks the same: it would have named itself by a directory that only we can enter, and ask for nothing but to be ended.
   */
  async #guards(matches: (argv: readonly string[]) => boolean): Promise<readonly OwnProcess[]> {
    const { processes, own } = this.#options;
    const users = isRoot(own) ? [own, { ...own, uid: NOBODY }] : [own];
    return (await Promise.all(users.map((user) => findOwnProcesses(matches, processes, user)))).flat();
  }

  /** The socket of a netguard, by its argv; undefined when it is none. */
  #socketOf(argv: readonly string[]): string | undefined {
    const isGuard = basename(argv[0] ?? '') === basename(this.#options.netguard);
    return isGuard && argv.includes('--socket') ? argv[argv.indexOf('--socket') + 1] : undefined;
  }

  /** The directory of a netguard's run, by its argv, when that lies in `directory`. */
  #dirOf(argv: readonly string[], directory: string): string | undefined {
    const dir = dirname(this.#socketOf(argv) ?? '');
    return dirname(dir) === directory && this.#socketOf(argv) === socketsIn(dir).socket ? dir : undefined;
  }

  async #plan(): Promise<Plan> {
    const host = await readHostNetwork(this.#options.readNet);
    const resolvers = await this.#resolvers();
    const ipv6 = host.ipv6 ? chooseIpv6(host.taken) : undefined;
    // One address is enough, and a resolver on the guest's own wire needs no route: IPv4 wherever the host has one.
    const dns6 = !resolvers.ipv4 && resolvers.ipv6 && ipv6 !== undefined;
    return { host, ipv4: chooseIpv4(host.taken), ipv6, dns4: resolvers.ipv4, dns6 };
  }

  async #resolvers(): Promise<Resolvers> {
    try {
      return resolversIn(await readFile(this.#options.resolvConf ?? '/etc/resolv.conf', 'utf8'));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { ipv4: false, ipv6: false };
      throw new BangerError('network_failed', 'The file /etc/resolv.conf cannot be read.', { cause });
    }
  }

  async #passt(): Promise<string> {
    const passt = await this.#options.runner.which('passt');
    if (passt === undefined)
      throw new BangerError('missing_tool', 'The program passt is not installed.', {
        details: { program: 'passt' },
      });
    return passt;
  }
}

/** Whether netguard gives its rights away: only root's does, and a plain user's stays that user's. */
function isRoot(own: OwnProcessesOptions | undefined): boolean {
  return (own?.uid ?? process.getuid?.()) === 0;
}

/** Where netguard connects to its VMM, part of its argv by which it is known, and where it listens for a word. */
function socketsIn(dir: string): { readonly socket: string; readonly control: string } {
  return { socket: join(dir, 'network.sock'), control: join(dir, 'outbound.sock') };
}

function problemsOf({ host, ipv6, dns4, dns6 }: Plan): NetworkProblem[] {
  return [
    ...(host.ipv4 || host.ipv6 ? [] : [noRoute]),
    ...(host.ipv6 && ipv6 === undefined ? [noIpv6] : []),
    ...(dns4 || dns6 ? [] : [noResolver]),
  ];
}

function addressArguments(mac: string, { ipv4, ipv6, dns4, dns6 }: Plan): string[] {
  return [
    ...['--mac', mac, '--gateway-mac', GATEWAY_MAC],
    ...['--address4', `${ipv4.address}/${ipv4.prefixLength}`, '--gateway4', ipv4.gateway],
    ...(dns4 ? ['--dns4', ipv4.dns] : []),
    ...(ipv6 === undefined
      ? []
      : ['--address6', `${ipv6.address}/${ipv6.prefixLength}`, '--gateway6', ipv6.gateway]),
    ...(ipv6 !== undefined && dns6 ? ['--dns6', ipv6.dns] : []),
  ];
}

function guestAddresses(mac: string, { ipv4, ipv6, dns4, dns6 }: Plan): GuestAddresses {
  const address = ({ address: own, prefixLength, gateway }: GuestSubnet) => ({
    address: own,
    prefixLength,
    gateway,
  });
  const dns = [...(dns4 ? [ipv4.dns] : []), ...(ipv6 !== undefined && dns6 ? [ipv6.dns] : [])];
  return {
    mac,
    ipv4: address(ipv4),
    ...(ipv6 === undefined ? {} : { ipv6: address(ipv6) }),
    dns,
    mtu: GUEST_MTU,
  };
}
