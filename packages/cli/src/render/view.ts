import type { ConfigView } from '@banger/contract/config';
import type { Build, DaemonStatus } from '@banger/contract/daemon';
import type { DoctorReport } from '@banger/contract/doctor';
import type { BangerError } from '@banger/contract/error';
import type { CachePruned, DiskUses } from '@banger/contract/disk-use';
import type { GcReport } from '@banger/contract/gc';
import type { VmPort, VmStats } from '@banger/contract/guest';
import type { ImageView } from '@banger/contract/image';
import type { KernelView } from '@banger/contract/kernel';
import type { OperationOutcome, OperationView } from '@banger/contract/operation';
import type { VmPlan, VmView } from '@banger/contract/vm';
import type { Answer } from '../completion/answer.ts';
import type { Shell } from '../completion/shells.ts';

/** What became of one of several names. */
export type Item<T = unknown> =
  | { readonly name: string; readonly ok: true; readonly state: string; readonly result: T }
  | { readonly name: string; readonly ok: false; readonly error: BangerError };

/** What a copy came to. */
export interface Copied {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  /** Of content. */
  readonly bytes: number;
  /** What was left out: all are counted, and the first are named. */
  readonly skipped: number;
  readonly skips: readonly { readonly path: string; readonly reason: string }[];
}

/** A bundle that was written. */
export interface ExportedImage {
  readonly image: string;
  /** Absolute. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The results that commands give back; each kind has its text in `render/` and its JSON in `data`. */
export interface Views {
  'vm.list': readonly VmView[];
  'vm.show': VmView;
  /** A VM that was made: its name is what the next command needs. */
  'vm.made': VmView;
  'vm.plan': VmPlan;
  copied: Copied;
  items: readonly Item[];
  'vm.stats': readonly Item<VmStats>[];
  'vm.ports': readonly Item<readonly VmPort[]>[];
  'image.list': readonly ImageView[];
  'image.show': ImageView;
  'image.made': ImageView;
  'image.exported': ExportedImage;
  'kernel.list': readonly KernelView[];
  'kernel.show': KernelView;
  'kernel.made': KernelView;
  complete: Answer;
  completion: { readonly shell: Shell; readonly script: string };
  'config.show': ConfigView;
  'config.path': { readonly file: string };
  'cache.pruned': CachePruned & { readonly dryRun: boolean };
  df: DiskUses;
  doctor: DoctorReport;
  gc: GcReport;
  'daemon.status':
    | ({ readonly running: true } & DaemonStatus)
    | { readonly running: false; readonly socket: string; readonly log: string };
  'daemon.stop': { readonly stopped: boolean; readonly pid?: number; readonly busy?: readonly string[] };
  'operation.list': readonly OperationView[];
  'operation.show': OperationOutcome;
  /** One that goes on by itself: its id is what the next command needs. */
  'operation.started': OperationView;
  version: { readonly cli: Build; readonly daemon: (Build & { readonly pid: number }) | null };
}

export type ViewKind = keyof Views;
export type View = { [K in ViewKind]: { readonly kind: K; readonly data: Views[K] } }[ViewKind];

/** What the text of a view depends on besides its data. */
export interface Screen {
  /** Width of the terminal in characters; undefined when the output is no terminal, and nothing may be cut. */
  readonly width: number | undefined;
  readonly colour: boolean;
  /** Only names, one a line. */
  readonly quiet: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The text of one kind of view, without the last newline. */
export type Renderer<K extends ViewKind> = (data: Views[K], screen: Screen) => string;
