import type { Readable, Writable } from 'node:stream';
import type { Build } from '@banger/contract/daemon';
import type { DoctorReport } from '@banger/contract/doctor';
import type { BangerPaths } from '@banger/contract/paths';
import type { DaemonClient } from './client.ts';
import type { Clock } from './clock.ts';
import type { SignalSource } from './terminal/signals.ts';

/** Standard input; a terminal when `isTTY`. */
export type Input = Readable & {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
};

/** Standard output or error; a terminal when `isTTY`, with its size in characters. */
export type Output = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** How the daemon is reached. */
export interface ConnectRequest {
  /** Start a daemon when none runs, and replace one of another build when it is idle. */
  readonly start: boolean;
  readonly signal: AbortSignal;
  /** Called when one is started: that takes a second, and reaching one that runs on a busy machine may take as long. */
  readonly onStart?: () => void;
}

/** Everything of the process and its host that the commands touch; tests bring their own. */
export interface Machine {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  /** Absolute; relative paths on the command line are taken from here. */
  readonly cwd: string;
  /** As `v24.1.0`. */
  readonly nodeVersion: string;
  readonly clock: Clock;
  readonly signals: SignalSource;
  readonly paths: BangerPaths;
  /** Of this program. */
  readonly build: Build;
  /** Connects; undefined when no daemon runs and none may be started. */
  connect(request: ConnectRequest): Promise<DaemonClient | undefined>;
  /** What the doctor finds without a daemon, with nothing made or changed. */
  examine(signal: AbortSignal): Promise<DoctorReport>;
  /** Has the terminal pass every byte of output on as it is, which Node's raw mode does not. */
  rawOutput(): Promise<void>;
  /** Ends the process at once, for a user who does not want to wait for an orderly end. */
  exit(status: number): void;
}
