import type { Readable, Writable } from 'node:stream';
import type { VmCopyIn, VmCopyOut } from '@banger/contract/copy';
import type { HelloResult } from '@banger/contract/daemon';
import type { ExecEnd, TerminalSize, VmExec } from '@banger/contract/exec';
import type { MethodName, ParamsOf, ResultOf } from '@banger/contract/methods';
import type { Progress } from '@banger/contract/progress';
import type { TreeRecord } from '@banger/contract/tree-record';

/** How one call is followed. */
export interface CallOptions {
  /** Cancels the call in the daemon when it fires. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** A command at work in a guest. The three streams are raw bytes with back-pressure. */
export interface ExecSession {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Ends at once, empty, when the command has a terminal. */
  readonly stderr: Readable;
  /** Resolves when the command has ended, after its last byte of output; rejects when the connection is lost. */
  readonly exit: Promise<ExecEnd>;
  /** Sends a signal, by number, to the command's process group. */
  signal(signal: number): Promise<void>;
  resize(size: TerminalSize): Promise<void>;
  /** Ends the session; a command that still runs loses it. Harmless twice. */
  close(): void;
}

/** A tree on its way into a guest. */
export interface CopyIn {
  /** Sends a record, and waits for room; rejects with the guest's reason once it takes no more. Its bytes must not change afterwards. */
  write(record: TreeRecord): Promise<void>;
  /** Says that the tree is whole; resolves when all of it is in the guest. */
  end(): Promise<void>;
  /** Resolves when the copy is over: with why, when it failed. */
  readonly over: Promise<Error | undefined>;
  /** Leaves: what is not whole yet is dropped in the guest. Harmless twice. */
  close(): void;
}

/** A tree on its way out of a guest: always a tree, whatever the guest says. */
export interface CopyOut {
  readonly records: AsyncIterable<TreeRecord>;
  /** Leaves. Harmless twice. */
  close(): void;
}

/** An image on its way out, as a bundle. */
export interface ImageExport {
  /** Of the image. */
  readonly name: string;
  /** To be iterated once; throws when they end before their end. */
  readonly bytes: AsyncIterable<Buffer>;
  /** Leaves. Harmless twice. */
  close(): void;
}

/** An archive or a bundle on its way to the daemon. */
export interface ImageUpload {
  /** Sends bytes, and waits for room; rejects with the daemon's reason once it takes no more. */
  write(bytes: Buffer): Promise<void>;
  /** Says that these were all; resolves with the hash by which they are pulled. */
  end(): Promise<string>;
  /** Resolves when it is over: with why, when it failed. */
  readonly over: Promise<Error | undefined>;
  /** Leaves. Harmless twice. */
  close(): void;
}

/** The console of a VM, from `vm.logs`. */
export interface LogsRequest {
  readonly vm: string;
  readonly follow: boolean;
  /** Last lines only; all when absent. */
  readonly lines?: number;
}

/** What the commands need of a connection to the daemon; every failure is a `BangerError`. */
export interface DaemonClient {
  /** What the daemon said of itself when it was greeted. */
  readonly hello: HelloResult;
  call<M extends MethodName>(method: M, params: ParamsOf<M>, options?: CallOptions): Promise<ResultOf<M>>;
  exec(params: VmExec, options?: CallOptions): Promise<ExecSession>;
  logs(params: LogsRequest, options?: CallOptions): Promise<Readable>;
  events(params: ParamsOf<'events.watch'>, options?: CallOptions): Promise<Readable>;
  copyIn(params: VmCopyIn, options?: CallOptions): Promise<CopyIn>;
  copyOut(params: VmCopyOut, options?: CallOptions): Promise<CopyOut>;
  sendImage(options?: CallOptions): Promise<ImageUpload>;
  exportImage(params: ParamsOf<'image.export'>, options?: CallOptions): Promise<ImageExport>;
  /** Closes the connection: calls at work are cancelled, ephemeral VMs of this client are deleted. */
  close(): void;
}
