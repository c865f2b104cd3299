import { z } from 'zod';
import { readDigest, type Digest } from './digest.ts';
import { invalidImage, unsupportedImage } from './invalid.ts';

/** Why a document of an image cannot be used. */
export class DocumentError extends Error {
  /** `unsupported`: it is right, and of a kind that we do not take. `wrong`: it is none. */
  readonly kind: 'unsupported' | 'wrong';

  /** `why` is the rest of a sentence about the image. */
  constructor(kind: 'unsupported' | 'wrong', why: string) {
    super(why);
    this.kind = kind;
  }
}

/** Reads a document of an image that is named by `image`, as `The image x`. Throws `image_unsupported`, `image_invalid`. */
export function readingOf<T>(image: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof DocumentError)) throw thrown;
    const what = `${image} ${thrown.message}.`;
    throw thrown.kind === 'unsupported' ? unsupportedImage(what) : invalidImage(what, thrown);
  }
}

/** A digest in a document. */
export const digestSchema = z.string().transform((text, context): Digest => {
  const digest = readDigest(text);
  if (digest !== undefined) return digest;
  context.addIssue({ code: 'custom', message: 'no digest' });
  return z.NEVER;
});

/** Reads JSON; `what` is what a person calls the document. Throws `DocumentError`. */
export function parseDocument<T extends z.ZodType>(bytes: Uint8Array, schema: T, what: string): z.output<T> {
  return checkDocument(json(bytes), schema, what);
}

/** Checks the shape of a document. Throws `DocumentError`. */
export function checkDocument<T extends z.ZodType>(value: unknown, schema: T, what: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  // The issue's own message may quote the document at any length.
  const where = parsed.error.issues[0]?.path.slice(0, 4).join('.').slice(0, 100) ?? '';
  throw new DocumentError('wrong', `has a ${what} that is not right${where === '' ? '' : ` at ${where}`}`);
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
