import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { rawBytes } from '@banger/contract/raw-text';
import type { Program } from './harness.ts';

async function say(output: Writable, text: string | Uint8Array): Promise<void> {
  if (!output.write(text)) await once(output, 'drain');
}

async function* linesOf(input: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + String(chunk)).split(/[\r\n]/);
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

/** The programs of the contract tests: a script for a real guest, and the same for the fake. */
export const programs = {
  exit0: { script: 'exit 0', fake: () => ({ status: 0 }) },
  exit42: { script: 'exit 42', fake: () => ({ status: 42 }) },
  exit255: { script: 'exit 255', fake: () => ({ status: 255 }) },
  killedBy9: { script: 'kill -9 $$', fake: () => ({ signal: 9, coreDumped: false }) },
  cat: {
    script: 'exec cat',
    fake: async ({ stdin, stdout }) => {
      for await (const chunk of stdin) await say(stdout, chunk as Uint8Array);
      return { status: 0 };
    },
  },
  sha256: {
    script: 'exec sha256sum',
    fake: async ({ stdin, stdout }) => {
      const hash = createHash('sha256');
      for await (const chunk of stdin) hash.update(chunk as Uint8Array);
      await say(stdout, `${hash.digest('hex')}  -\n`);
      return { status: 0 };
    },
  },
  apart: {
    script: 'echo out; echo err >&2; exit 3',
    fake: async ({ stdout, stderr }) => {
      await say(stdout, 'out\n');
      await say(stderr, 'err\n');
      return { status: 3 };
    },
  },
  terminalSize: {
    script: 'test -t 0 && test -t 1 && test -t 2 && stty size; read line; stty size; echo "$TERM" >&2',
    fake: async (context) => {
      const size = (): string => `${context.tty?.rows} ${context.tty?.columns}\r\n`;
      await say(context.stdout, size());
      for await (const line of linesOf(context.stdin)) {
        await say(context.stdout, `${line}\r\n${size()}${context.tty?.term}\r\n`);
        break;
      }
      return { status: 0 };
    },
  },
  /** Writes as many bytes as its first argument says. */
  writesBytes: {
    script: 'head -c "$1" /dev/zero | tr "\\0" x',
    fake: async ({ argv, stdout }) => {
      await say(stdout, 'x'.repeat(Number(argv[4])));
      return { status: 0 };
    },
  },
  environment: {
    script: 'printf "%s|" "$ONE" "$TWO" "$DEFAULT"',
    fake: async ({ env, stdout }) => {
      await say(stdout, `${env['ONE']}|${env['TWO']}|${env['DEFAULT'] ?? 'from configure'}|`);
      return { status: 0 };
    },
  },
  workingDirectory: {
    script: 'pwd',
    fake: async ({ cwd, stdout }) => {
      await say(stdout, `${cwd}\n`);
      return { status: 0 };
    },
  },
  userId: {
    script: 'id -u',
    fake: async ({ user, stdout }) => {
      await say(stdout, `${user}\n`);
      return { status: 0 };
    },
  },
  arguments: {
    script: 'printf "%s|" "$@"',
    fake: async ({ argv, stdout }) => {
      await say(stdout, rawBytes(argv.slice(4).join('|') + '|'));
      return { status: 0 };
    },
  },
  sleep: { script: 'exec sleep 60', fake: () => new Promise(() => undefined) },
  stubborn: {
    script: 'trap "echo caught" TERM; echo ready; while :; do sleep 0.05; done',
    fake: async ({ stdout, onSignal }) => {
      onSignal((signal) => {
        if (signal === 15) stdout.write('caught\n');
      });
      await say(stdout, 'ready\n');
      return new Promise(() => undefined);
    },
  },
  endless: {
    script: 'exec yes old',
    fake: async ({ stdout, hangUp }) => {
      const lines = Buffer.from('old\n'.repeat(8192));
      while (!hangUp.aborted) {
        if (!stdout.write(lines)) await once(stdout, 'drain', { signal: hangUp }).catch(() => undefined);
        await setImmediate();
      }
      return { status: 0 };
    },
  },
  deaf: {
    script: 'exec sleep 0.2',
    fake: () => ({ status: 0 }),
  },
  background: {
    script: 'sleep 5 & echo done',
    fake: async ({ stdout }) => {
      await say(stdout, 'done\n');
      return { status: 0 };
    },
  },
} as const satisfies Record<string, Program>;
