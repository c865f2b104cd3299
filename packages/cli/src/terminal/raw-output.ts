import { spawn } from 'node:child_process';
import { BangerError } from '@banger/contract/error';

/**
 * Has the terminal on standard input pass output on as it is (termios(3), OPOST off). Node's raw mode leaves the
 * kernel's own carriage returns on, and full-screen programs, which move down with a bare line feed, are then drawn
 * askew. Switching raw mode off puts this back too: libuv restores all of what it found. Rejects with `missing_tool`.
 */
export async function passOutputThrough(): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (cause?: unknown): void =>
      reject(new BangerError('missing_tool', 'stty could not set up the terminal.', { cause }));
    spawn('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] })
      .on('error', failed)
      .on('exit', (status) => (status === 0 ? resolve() : failed()));
  });
}
