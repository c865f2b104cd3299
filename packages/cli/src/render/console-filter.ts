import { StringDecoder } from 'node:string_decoder';
import { Transform, type TransformCallback } from 'node:stream';
import { shown } from './escape.ts';

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const COLOUR = /\x1b\[[0-9;]*m/g;
/** What may be the beginning of a colour, or of the end of a line, cut off by the end of a chunk. */
// oxlint-disable-next-line no-control-regex -- the same
const UNFINISHED = /(?:\x1b(?:\[[0-9;]{0,32})?|\r{1,32})$/;
const UNSAFE = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * Makes a guest's console safe for a terminal: colours are taken out, every other control character is shown,
 * `\r\n` becomes `\n`. Bytes that are no UTF-8 become U+FFFD.
 */
export class ConsoleFilter extends Transform {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const text = this.#rest + this.#decoder.write(chunk);
    this.#rest = UNFINISHED.exec(text)?.[0] ?? '';
    done(null, safe(text.slice(0, text.length - this.#rest.length)));
  }

  override _flush(done: TransformCallback): void {
    done(null, safe(this.#rest + this.#decoder.end()));
  }
}

function safe(text: string): string {
  return text.replace(COLOUR, '').replace(/\r+\n/g, '\n').replace(UNSAFE, shown);
}
