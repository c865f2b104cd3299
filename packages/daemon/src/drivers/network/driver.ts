import type { ProcessIdentity } from '../../host/process-identity.ts';

/** What a network driver can do. */
export interface NetworkFeatures {
  /** A VM can reach the outside. */
  readonly outbound: boolean;
  /** It needs rights that an ordinary user has not. */
  readonly privileged: boolean;
}

/** Something that keeps a network from working, or from working fully. */
export interface NetworkProblem {
  readonly message: string;
  readonly hint: string;
}

/** What a driver finds on this host. */
export interface NetworkProbe {
  /** Whether `prepare` can succeed. */
  readonly usable: boolean;
  /** Programs that are not installed. */
  readonly missingTools: readonly string[];
  /** IP versions that this host has a way out for. */
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly problems: readonly NetworkProblem[];
}

/** What a driver is to set up for one run of a VM. */
export interface NetworkSpec {
  readonly vmId: string;
  /** Private directory of this run; everything made lies in it. */
  readonly dir: string;
  /** File that is told what goes wrong and what was refused; appended to. */
  readonly logFile: string;
  /** False: a NIC that reaches nothing, until `setOutbound` says otherwise. */
  readonly outbound: boolean;
  /** The NIC's address, six hexadecimal pairs with colons, unicast. */
  readonly mac: string;
  readonly signal?: AbortSignal;
}

/** One address of the guest's, its subnet and its way out. */
export interface GuestAddress {
  readonly address: string;
  /** Length of the subnet's prefix in bits. */
  readonly prefixLength: number;
  readonly gateway: string;
}

/** What the guest's agent configures; nothing else answers on this network (there is no DHCP). */
export interface GuestAddresses {
  readonly mac: string;
  readonly ipv4?: GuestAddress;
  readonly ipv6?: GuestAddress;
  /** Resolvers, most wanted first; they answer over UDP alone. Empty when the host has none. */
  readonly dns: readonly string[];
  /** Largest packet in bytes; longer ones are refused. */
  readonly mtu: number;
}

/** How the VMM attaches: a unix stream socket on which it listens, for length-prefixed Ethernet frames, or no NIC. */
export type VmmNetwork =
  | { readonly kind: 'stream'; readonly socket: string; readonly mac: string }
  | { readonly kind: 'none' };

/** What runs beside the VMM; JSON values only, kept so that a new daemon can remove it. */
export type NetworkHandle =
  | {
      readonly kind: 'user';
      readonly guard: ProcessIdentity;
      /** Where the VMM listens. */
      readonly socket: string;
      /** Where the way out is opened and closed. */
      readonly control: string;
    }
  | { readonly kind: 'none' };

/** A network that is on its way to its VMM. */
export interface NetworkAttachment {
  readonly handle: NetworkHandle;
  /** Absent without a NIC. */
  readonly guest: GuestAddresses | undefined;
  /** What the user should know although the VM starts. */
  readonly warnings: readonly string[];
  /**
   * Resolves once it carries packets, for which the VMM must listen; until then those of the guest are lost, as without a cable. Rejects
   * with `network_failed` (message: the reason) when it never does, or with `cancelled`; `remove` is then still to be called.
   */
  ready(signal: AbortSignal): Promise<void>;
}

/** A network that was found by looking at the host. */
export interface FoundNetwork {
  /** `NetworkSpec.dir` that it was prepared with. */
  readonly dir: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

/** Whether the network of a run still works. */
export type NetworkStatus = { readonly up: true } | { readonly up: false; readonly reason: string };

/** Networks of VMs: made while the VMM starts, gone after it ended. */
export interface NetworkDriver {
  readonly kind: 'user' | 'none' | 'bridge' | 'fake';
  readonly features: NetworkFeatures;
  /** Looks at this host; makes nothing. */
  probe(): Promise<NetworkProbe>;
  /** How the VMM of a run attaches: known before anything is there, as the VMM starts beside its network. */
  nic(spec: Pick<NetworkSpec, 'dir' | 'mac'>): VmmNetwork;
  /**
   * Starts what must run beside the VMM and outlive this daemon. Rejects with `missing_tool`, `network_failed` (message: the
   * reason) or `cancelled`, and then has left nothing running. What takes longer than a start is told by `ready`.
   */
  prepare(spec: NetworkSpec): Promise<NetworkAttachment>;
  /** Whether it still works; it ends with its VMM, and may end before it. */
  status(handle: NetworkHandle): Promise<NetworkStatus>;
  /**
   * Opens or closes the way out of a running VM; it is so when this resolves. What is open while it closes stands still, and goes on
   * when it opens again soon. No NIC, nothing to do. Rejects with `network_failed` when the network does not answer.
   */
  setOutbound(handle: NetworkHandle, outbound: boolean): Promise<void>;
  /** Ends and removes it; a second call, and one for what has ended by itself, does nothing. */
  remove(handle: NetworkHandle): Promise<void>;
  /**
   * Ends and removes whatever a `prepare` in that directory (`NetworkSpec.dir`) started and nobody has the handle of: a
   * daemon may be killed before it could keep it. Nothing there is fine.
   */
  sweep(dir: string): Promise<void>;
  /** What runs of all networks whose `NetworkSpec.dir` lies in that directory, whichever daemon prepared them. */
  find(directory: string): Promise<readonly FoundNetwork[]>;
}
