import type { CommandContext } from '../command.ts';

/** How often it is told how far it is. */
const TELL_MS = 1_000;
const STAGE = 'Sending the image';

/** Sends standard input to the daemon, and gives the hash by which it can be pulled over the same connection. */
export async function sendInput({ client, machine, reporter, signal }: CommandContext): Promise<string> {
  const upload = await (await client()).sendImage({ signal });
  const { stdin, clock } = machine;
  const leave = (): void => upload.close();
  signal.addEventListener('abort', leave, { once: true });
  const task = reporter.follow(STAGE);
  let refused: Error | undefined;
  // A daemon that takes no more of it does not have to wait for what comes next.
  void upload.over.then((error) => {
    refused = error;
    if (error !== undefined) stdin.destroy(error);
  });
  try {
    let done = 0;
    let last = clock.monotonic();
    for await (const bytes of stdin as AsyncIterable<Buffer>) {
      await upload.write(bytes);
      done += bytes.length;
      if (clock.monotonic() - last < TELL_MS) continue;
      last = clock.monotonic();
      task.progress({ operation: '', level: 'stage', stage: STAGE, done, unit: 'bytes' });
    }
    signal.throwIfAborted();
    return await upload.end();
  } catch (error) {
    throw refused ?? error;
  } finally {
    signal.removeEventListener('abort', leave);
    task.end();
    upload.close();
  }
}
