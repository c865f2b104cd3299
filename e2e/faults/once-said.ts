import type { ChildProcess } from 'node:child_process';

/** Acts once, as soon as a program has written something of that form to standard error. */
export function onceSaid(child: ChildProcess, said: RegExp, act: () => void): void {
  let text = '';
  let done = false;
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
    if (done || !said.test(text)) return;
    done = true;
    act();
  });
}
