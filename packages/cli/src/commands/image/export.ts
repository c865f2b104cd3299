import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { ImageExport } from '../../client.ts';
import { defineCommand, type CommandContext, type Outcome } from '../../command.ts';
import { WholeFile } from '../../copy/whole-file.ts';
import { parseText } from '../../options/choice.ts';
import { absoluteImage, parseImage } from '../../options/image.ts';
import { usageError } from '../../options/usage.ts';
import type { ExportedImage } from '../../render/view.ts';

/** Of the hash, in the name of a file that nobody named: enough to tell any two exports apart. */
const HASH_CHARACTERS = 12;
/** How often it is told how far it is. */
const TELL_MS = 1_000;

export const command = defineCommand({
  details:
    'The file is a bundle: a tar archive packed by zstd, with a manifest and the root file system. image pull reads it, here and on other machines. Of a plain archive of a root file system image pull tarball:FILE makes an image first. In a directory it is called by the image and by a piece of its hash, so that an old copy is never taken for a new one. Prints the path of the file.',
  args: '<name>',
  options: {
    to: {
      flags: '--to <path>',
      text: 'a file, a directory, or - for standard output (default: the directory where you are)',
      parse: parseText,
    },
  },
  examples: [
    ['banger image export debian-bookworm', 'into this directory'],
    ['banger image export app --to /srv/team/', 'into another one, as app-0123456789ab.tar.zst'],
    ['banger image export app --to app.tar.zst', 'into that file'],
    ['banger image export app --to - | ssh host tee app.tar.zst', 'into a pipe'],
  ],
  run: async (context, { options, name }) => {
    const image = absoluteImage(parseImage(name), context.machine.cwd);
    const to = options.to ?? '.';
    if (to === '-' && context.machine.stdout.isTTY === true)
      throw usageError(
        'A bundle is no text for a terminal.',
        'Send it on: --to - | ssh host tee app.tar.zst',
      );
    const client = await context.client();
    const exported = await client.exportImage({ image }, { signal: context.signal });
    const leave = (): void => exported.close();
    context.signal.addEventListener('abort', leave, { once: true });
    try {
      return to === '-' ? await toOutput(context, exported) : await toFile(context, exported, to);
    } finally {
      context.signal.removeEventListener('abort', leave);
      exported.close();
    }
  },
});

async function toFile(context: CommandContext, exported: ImageExport, to: string): Promise<Outcome> {
  const path = resolve(context.machine.cwd, to);
  const isDirectory = to.endsWith('/') || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const hash = createHash('sha256');
  const file = new WholeFile(isDirectory ? path : dirname(path));
  try {
    let bytes = 0;
    for await (const piece of told(context, exported)) {
      hash.update(piece);
      file.write(piece);
      bytes += piece.length;
    }
    context.signal.throwIfAborted();
    const sha256 = hash.digest('hex');
    const called = `${exported.name}-${sha256.slice(0, HASH_CHARACTERS)}.tar.zst`;
    const written = file.finish(isDirectory ? called : basename(path));
    const data: ExportedImage = { image: exported.name, file: written, bytes, sha256 };
    return { view: { kind: 'image.exported', data } };
  } finally {
    file.close();
  }
}

/** In step with whoever reads. */
async function toOutput(context: CommandContext, exported: ImageExport): Promise<Outcome> {
  const { stdout } = context.machine;
  for await (const piece of told(context, exported))
    await new Promise<void>((done, failed) => {
      stdout.write(piece, (error) => (error ? failed(error) : done()));
    });
  return {};
}

/** The bytes, while it is shown how many there were. */
async function* told(
  { reporter, machine: { clock } }: CommandContext,
  { name, bytes }: ImageExport,
): AsyncGenerator<Buffer> {
  const stage = `Exporting image ${name}`;
  const task = reporter.follow(stage);
  let done = 0;
  let last = clock.monotonic();
  try {
    for await (const piece of bytes) {
      yield piece;
      done += piece.length;
      if (clock.monotonic() - last < TELL_MS) continue;
      last = clock.monotonic();
      task.progress({ operation: '', level: 'stage', stage, done, unit: 'bytes' });
    }
  } finally {
    task.end();
  }
}
