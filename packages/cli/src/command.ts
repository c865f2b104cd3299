import type { BangerError } from '@banger/contract/error';
import type { MethodName, ParamsOf, ResultOf } from '@banger/contract/methods';
import type { DaemonClient } from './client.ts';
import type { Machine } from './machine.ts';
import type { Reporter } from './progress/reporter.ts';
import type { View } from './render/view.ts';

/** Reads an option's value, and throws `usage` when it makes no sense. */
export interface OptionParser<T> {
  (value: string, flag: string): T;
  /** All that it takes, where these are few. */
  readonly choices?: readonly string[];
}

/** An option of a command. A row whose flag begins with `--no-` gives `true` when it is there. */
export interface OptionRow<T> {
  /** As `-f, --force` or `--name <name>`; what the value is called decides how it is completed (`completion/answers.ts`). */
  readonly flags: string;
  readonly text: string;
  /** Absent for a flag without a value. */
  readonly parse?: OptionParser<T>;
  /** May be given several times; the value is then a list. */
  readonly repeat?: boolean;
}

export type OptionRows = Readonly<Record<string, OptionRow<unknown>>>;

/** The values of options, by the keys of their rows; absent where not given. */
export type OptionValues<R extends OptionRows> = {
  readonly [K in keyof R]?: R[K] extends { repeat: true; parse: (value: string, flag: string) => infer T }
    ? readonly T[]
    : R[K] extends { parse: (value: string, flag: string) => infer T }
      ? T
      : true;
};

/** What stood on the command line. */
export interface CommandInput<R extends OptionRows> {
  readonly args: readonly string[];
  /** The first of them; empty when there is none. */
  readonly name: string;
  readonly options: OptionValues<R>;
  /** The command's words, for commands that take one; undefined when there are none. */
  readonly rest: readonly string[] | undefined;
}

/** What a command gives back: what to show, and the exit status when it is not 0. */
export interface Outcome {
  readonly view?: View;
  readonly status?: number;
}

/** What a command works with. */
export interface CommandContext {
  readonly machine: Machine;
  readonly reporter: Reporter;
  readonly json: boolean;
  /** Fires when the user interrupts the program. */
  readonly signal: AbortSignal;
  /** The connection to the daemon, made once, with a daemon started when none runs. */
  client(): Promise<DaemonClient>;
  /** The connection to a daemon that runs; undefined when none does. */
  clientIfRunning(): Promise<DaemonClient | undefined>;
  /** A call with its progress shown under `label`, cancelled by `signal` (the context's own when absent). */
  call<M extends MethodName>(
    method: M,
    params: ParamsOf<M>,
    label: string,
    signal?: AbortSignal,
  ): Promise<ResultOf<M>>;
  /**
   * Copies a stream to standard output, its control characters shown when that is a terminal. Ends when the stream
   * does or the user interrupts; rejects with `EPIPE` when nobody reads the output any more.
   */
  copyOut(stream: NodeJS.ReadableStream): Promise<void>;
  /** Shows an error that does not end the command. */
  showError(error: BangerError): void;
}

/** One command, as its file describes it. */
export interface Command<R extends OptionRows = OptionRows> {
  /** What `--help` says below the summary of the registry; absent when that says it all. */
  readonly details?: string;
  /**
   * In commander's notation, as `<names...>` or `[path]`; absent when there are none. `name` is one of the things that the
   * group is about and that exist.
   */
  readonly args?: string;
  readonly options: R;
  /** Command lines that work, each with what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /**
   * Takes a command: `dashes`: behind `--` alone; `operands`: also without `--`, from the second operand on. Either way
   * its words are passed on untouched.
   */
  readonly rest?: 'dashes' | 'operands';
  /** Passes a guest command's exit status on, so that failures of ours are 125. */
  readonly session?: boolean;
  run(context: CommandContext, input: CommandInput<R>): Promise<Outcome>;
}

/** A command with its option types kept for `run`, and forgotten for everybody else. */
export function defineCommand<const R extends OptionRows>(command: Command<R>): Command {
  return command;
}
