import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { banger, startBanger } from '../harness/banger.ts';
import { sharedHome } from '../harness/shared-home.ts';

const MIB = 1024 * 1024;
const TOTAL_MIB = 200;
const home = sharedHome();
const name = 'bytes';

/** Random bytes, a MiB at a time, and the hash of all of them. */
function randomStream(): { readonly bytes: Readable; readonly hash: () => string } {
  const hash = createHash('sha256');
  function* chunks(): Generator<Buffer> {
    for (let i = 0; i < TOTAL_MIB; i += 1) {
      const chunk = randomBytes(MIB);
      hash.update(chunk);
      yield chunk;
    }
  }
  return { bytes: Readable.from(chunks(), { objectMode: false }), hash: () => hash.digest('hex') };
}

/** The guest sends back what it gets: to have it sum up all of it under emulation took three times as long, and proved no more. */
test(`${TOTAL_MIB} MB of random bytes go into the guest through exec, and out of it, with the same hash`, async () => {
  expect(await banger(['vm', 'create', '--name', name], { home })).toMatchObject({ status: 0 });
  try {
    const { stdin, stdout, ended } = exec();
    const { bytes, hash } = randomStream();
    const back = createHash('sha256');
    let length = 0;
    stdout.on('data', (chunk: Buffer) => {
      back.update(chunk);
      length += chunk.length;
    });
    await pipeline(bytes, stdin);
    expect(await ended).toEqual([0, null]);
    expect(length).toBe(TOTAL_MIB * MIB);
    expect(back.digest('hex')).toBe(hash());
  } finally {
    await banger(['vm', 'delete', name], { home });
  }
});

function exec(): { readonly stdin: Writable; readonly stdout: Readable; readonly ended: Promise<unknown[]> } {
  const child = startBanger(['vm', 'exec', name, '--', 'cat'], { home });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('no pipes');
  return { stdin, stdout, ended: once(child, 'close') };
}
