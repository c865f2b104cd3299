import type { Duplex, Readable, Writable } from 'node:stream';
import type { BangerError } from '@banger/contract/error';

/** Where a VM's agent is reached: the VMM's unix socket for the channel, and the key chosen at the VM's launch. */
export interface GuestTarget {
  readonly kind: 'unix';
  readonly path: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** How long to try. */
export interface ConnectOptions {
  /** Milliseconds from now within which the agent must have answered. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

/** The channel to the agents in guests (guest/PROTOCOL.md). */
export interface GuestDriver {
  /**
   * Connects, shakes hands and resynchronises; what an earlier session left in the channel is discarded. Rejects with
   * `agent_not_ready` (details.probe: `agent channel`, the socket did not open; `agent hello`, the agent did not answer),
   * `agent_protocol` or `cancelled`.
   */
  connect(target: GuestTarget, options: ConnectOptions): Promise<GuestSession>;
}

/** What the agent said of itself. All of it is the guest's claim. */
export interface GuestHello {
  /** Protocol generation in use: the lower of both sides'. */
  readonly generation: number;
  readonly agentVersion: string;
  /** Changes with each boot of the guest. */
  readonly bootId: string;
  /** False until `configure` was answered in this boot. */
  readonly configured: boolean;
  /** `agent` where the agent is PID 1, else the path of the image's init. */
  readonly init: string;
}

/** May be given to every request. */
export interface RequestOptions {
  /** Gives the request up; it rejects with `cancelled`. */
  readonly signal?: AbortSignal;
  /** Milliseconds to wait for the agent's answer, instead of the request's own limit. */
  readonly timeoutMs?: number;
}

/**
 * One session with an agent. Every request may reject with `agent_lost` (the channel ended), `agent_protocol` (the guest
 * broke the protocol; the session is over), `agent_limit`, `agent_not_ready` (no answer in time, or not configured
 * yet), `guest_failed` (what the guest could not do; details.errno), `not_supported` or `cancelled`.
 */
export interface GuestSession {
  readonly hello: GuestHello;
  /** Why the session ended; undefined after a `close` without a reason. Never rejects. */
  readonly closed: Promise<BangerError | undefined>;
  /** Gives the guest its identity. Fields that are absent stay as they are. `warnings` are the guest's words. */
  configure(
    configuration: GuestConfiguration,
    options?: RequestOptions,
  ): Promise<{ readonly warnings: readonly string[] }>;
  /**
   * Starts a command. Rejects with `command_not_found`, `command_not_executable`, `shell_not_found` for a login where there is none, or
   * `invalid_argument` for a user that is not there.
   */
  exec(request: ExecRequest, options?: RequestOptions): Promise<GuestExec>;
  /** Opens a connection from within the guest. Of UDP each chunk read or written is a datagram. */
  dial(target: DialTarget, options?: RequestOptions): Promise<Duplex>;
  /** Writes a file, whole or not at all. */
  put(file: GuestFileTarget, content: Readable | Uint8Array, options?: RequestOptions): Promise<void>;
  /** Reads a regular file. Rejects with `guest_failed`, details.errno `ENOENT`, when there is none. */
  get(path: string, options?: RequestOptions): Promise<GuestFileContent>;
  /** Reads a file or tree as a tree stream, which is the guest's claim and not looked at here (tree-record.ts). */
  pack(request: PackRequest, options?: RequestOptions): Promise<Readable>;
  /** Makes a tree stream into a file or tree. Rejects with `guest_failed` at what cannot be written; what was whole before stays. */
  unpack(target: UnpackTarget, tree: Readable, options?: RequestOptions): Promise<void>;
  /** Sockets that programs in the guest listen on, as the guest tells: nothing of it can be relied upon. */
  ports(options?: RequestOptions): Promise<readonly GuestPort[]>;
  stats(options?: RequestOptions): Promise<GuestStats>;
  /** The time in the guest, nanoseconds since 1970, as it claims. */
  clock(options?: RequestOptions): Promise<bigint>;
  /** Writes what the guest's kernel holds to its disks. */
  sync(options?: RequestOptions): Promise<void>;
  /** Begins the end of the machine; the channel ends later, and `closed` tells. */
  shutdown(how: ShutdownKind, options?: RequestOptions): Promise<void>;
  /** What happens in the guest, what happened before first. Ends with the loop; throws when the session ends or the signal fires. */
  events(options?: Pick<RequestOptions, 'signal'>): AsyncIterable<GuestEvent>;
  /** Milliseconds that the agent took to answer. */
  ping(options?: RequestOptions): Promise<number>;
  /** Ends the session: its commands in the guest are hung up. What is asked meanwhile fails with the reason, else `agent_lost`. */
  close(reason?: BangerError): void;
}

/** How a machine is to end: asked politely, restarted, or off at once after a sync. */
export type ShutdownKind = 'power-off' | 'reboot' | 'power-off-at-once';

/** The identity of a guest and what it is to set up. */
export interface GuestConfiguration {
  readonly hostname?: string;
  /** Nanoseconds since 1970. */
  readonly timeNs?: bigint;
  /** 32 to 512 random bytes for the guest's kernel. */
  readonly entropy?: Uint8Array;
  /** 32 lower-case hex digits. */
  readonly machineId?: string;
  /** `52:54:00:12:34:56`: the interface that is set up. */
  readonly mac?: string;
  readonly ipv4?: GuestAddress;
  readonly ipv6?: GuestAddress;
  /** Addresses of name servers. */
  readonly dns?: readonly string[];
  /** Whole lines for `/etc/hosts`. */
  readonly hosts?: readonly string[];
  readonly files?: readonly GuestFile[];
  /** Default environment of `exec`. */
  readonly env?: Readonly<Record<string, string>>;
  /** True: grow the file systems of root and work disk to their devices. */
  readonly grow?: boolean;
  readonly mtu?: number;
}

/** An address of the guest's interface. */
export interface GuestAddress {
  readonly address: string;
  readonly prefixLength: number;
  /** No default route when absent. */
  readonly gateway?: string;
}

/** Where a file goes in the guest; 0644 and root's unless told. */
export interface GuestFileTarget {
  readonly path: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** What to read of a guest. */
export interface PackRequest {
  readonly path: string;
  /** A link that the path itself is. */
  readonly follow: boolean;
}

/** Where the root of a tree goes in the guest, by the rules of `cp -r` (guest/PROTOCOL.md, unpack). */
export interface UnpackTarget {
  readonly path: string;
  /** Its name in the directory that the path is; without one, what is in the tree goes there. */
  readonly name?: string;
  /** The path must be a directory. */
  readonly into: boolean;
}

/** A small file that `configure` writes. */
export interface GuestFile extends GuestFileTarget {
  readonly content: Uint8Array;
}

/** A file of the guest. Mode, owner and size are the guest's claims; `content` errors when the channel ends first. */
export interface GuestFileContent {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; what comes may be more or less. */
  readonly size: number;
  readonly content: Readable;
}

/** A terminal's size and kind. */
export interface GuestTty {
  readonly rows: number;
  readonly columns: number;
  readonly term: string;
}

/** A command to run in the guest. */
export interface ExecRequest {
  /** The argv, untouched by any shell; may be empty with `login` alone. */
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The user's home when absent. */
  readonly cwd?: string;
  /** Makes that directory when it is not there, and enters it even where the user could not. */
  readonly makeCwd?: boolean;
  /** Name or number, optionally `:group`; root when absent. */
  readonly user?: string;
  /** Runs it on a terminal; stderr then stays empty. */
  readonly tty?: GuestTty;
  /** Runs the user's own shell as a login shell instead of an argv. */
  readonly login?: boolean;
  /** With `login`: not as a login shell, whose profile may undo the environment. */
  readonly plain?: boolean;
}

/** How a command ended: its exit status, or the signal that ended it. */
export type ExecEnd = { readonly status: number } | { readonly signal: number; readonly coreDumped: boolean };

/**
 * A running command. Its output waits in the guest until it is read: stdout and stderr share one window, so both must be
 * read, resumed or destroyed.
 */
export interface GuestExec {
  /** Process id in the guest. */
  readonly pid: number;
  /** Ending it is end of file; ignored on a terminal. Destroyed when the command has ended. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves after the last byte of output was taken. Rejects when the channel ends or the command is given up. */
  readonly exit: Promise<ExecEnd>;
  /** Sends a signal, by its Linux number, to the command's process group. Rejects with `command_ended`, as `resize` does. */
  signal(number: number): Promise<void>;
  /** Changes the size of its terminal. */
  resize(rows: number, columns: number): Promise<void>;
  /** Gives the command up: the guest hangs it up, then kills it. */
  abort(): void;
}

/** What to dial from within the guest. */
export type DialTarget =
  | { readonly kind: 'tcp' | 'udp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** A listening socket in the guest, as it claims. */
export interface GuestPort {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  readonly pid?: number;
  readonly program?: string;
}

/** Figures of the guest's kernel, as it claims. */
export interface GuestStats {
  readonly uptimeSeconds: number;
  /** Clock ticks since boot, over all CPUs. */
  readonly cpu: { readonly totalTicks: number; readonly idleTicks: number };
  /** Bytes. */
  readonly memory: { readonly total: number; readonly available: number };
  readonly fileSystems: readonly {
    readonly mountPoint: string;
    readonly size: number;
    readonly free: number;
  }[];
  /** Load average of the last minute. */
  readonly load: number;
  /** Bytes since boot. */
  readonly network: { readonly received: number; readonly sent: number };
  readonly processes: number;
}

/** Something that happened in the guest; an unknown name comes from a newer agent. */
export interface GuestEvent {
  /** `init-ready`, `init-failed` or `shutting-down`. */
  readonly name: string;
  readonly detail: string;
}
