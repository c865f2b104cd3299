import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { BANGER_BIN } from './banger.ts';
import { until } from './until.ts';

/** A program on a terminal of its own, as a person would have it. */
export class Terminal {
  readonly #child: ChildProcess;
  readonly #closed: Promise<[number | null]>;
  #seen = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = once(child, 'close') as Promise<[number | null]>;
    child.stdout?.on('data', (chunk: Buffer) => (this.#seen += chunk.toString('utf8')));
    child.stdin?.on('error', () => undefined);
  }

  /** Starts the command line. */
  static start(argv: readonly string[], home: string): Terminal {
    return Terminal.run([process.execPath, BANGER_BIN, ...argv], { BANGER_HOME: home });
  }

  /**
   * Starts a program on a pseudo-terminal made by script(1), which every Debian has. script(1) takes its command as one
   * shell string: every word is quoted here.
   */
  static run(argv: readonly string[], env: Readonly<Record<string, string>>): Terminal {
    const command = argv.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const child = spawn('script', ['-qefc', `stty rows 33 cols 101; exec ${command}`, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
      // In a session of its own, so that ending its group is closing its window.
      detached: true,
    });
    return new Terminal(child);
  }

  /** All that it has shown. */
  get screen(): string {
    return this.#seen;
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Waits until it has shown this since the call before. */
  async shows(what: RegExp): Promise<RegExpMatchArray> {
    return until(
      () => `the terminal to show ${String(what)}; it shows:\n${this.#seen}`,
      async () => this.#seen.match(what) ?? undefined,
    );
  }

  forget(): void {
    this.#seen = '';
  }

  /** Closes the window: everything on the terminal gets SIGHUP. */
  hangUp(): void {
    this.#child.kill('SIGKILL');
  }

  /** Exit status of the program, once all that it has shown is here too: a process can be gone before its last words are read. */
  async ended(): Promise<number | null> {
    const [status] = await this.#closed;
    return status;
  }
}
