import { finished } from 'node:stream/promises';
import type { BangerError } from '@banger/contract/error';
import type { DaemonClient } from './client.ts';
import type { CommandContext } from './command.ts';
import type { Machine } from './machine.ts';
import type { Reporter } from './progress/reporter.ts';

/** What the context is made from. */
interface ContextParts {
  readonly machine: Machine;
  readonly reporter: Reporter;
  readonly json: boolean;
  readonly signal: AbortSignal;
  readonly showError: (error: BangerError) => void;
}

/** The context of one command, and its end: the connection, if one was made, is closed. */
export function openContext(parts: ContextParts): CommandContext & { close(): void } {
  const { machine, reporter, signal } = parts;
  let running: Promise<DaemonClient> | undefined;
  let opened: DaemonClient | undefined;

  const connect = async (start: boolean): Promise<DaemonClient | undefined> => {
    let task = reporter.follow('Reaching the daemon', { handsOver: true });
    const onStart = (): void => {
      task.end();
      task = reporter.follow('Starting the daemon');
    };
    try {
      opened = await machine.connect({ start, signal, onStart });
      return opened;
    } finally {
      task.end();
    }
  };
  const client = (): Promise<DaemonClient> => (running ??= connect(true) as Promise<DaemonClient>);

  return {
    ...parts,
    client,
    clientIfRunning: () => connect(false),
    call: async (method, params, label, callSignal = signal) => {
      const connection = await client();
      const task = reporter.follow(label);
      try {
        return await connection.call(method, params, { signal: callSignal, onProgress: task.progress });
      } finally {
        task.end();
      }
    },
    copyOut: async (stream) => {
      const { stdout } = machine;
      let source = stream;
      if (stdout.isTTY === true) {
        const { ConsoleFilter } = await import('./render/console-filter.ts');
        const filter = new ConsoleFilter();
        stream.on('error', (error) => filter.destroy(error));
        source = stream.pipe(filter);
      }
      source.pipe(stdout, { end: false });
      const outputGone = new Promise<never>((_, reject) => stdout.once('error', reject));
      const interrupted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await Promise.race([finished(source, { writable: false }), outputGone, interrupted]);
      source.unpipe(stdout);
      // The last bytes may still be on their way, or have failed without anybody waiting.
      if (stdout.errored !== null) throw stdout.errored;
      await Promise.race([new Promise<void>((resolve) => stdout.write('', () => resolve())), outputGone]);
    },
    close: () => opened?.close(),
  };
}
