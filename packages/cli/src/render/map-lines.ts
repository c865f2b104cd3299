import { StringDecoder } from 'node:string_decoder';
import { Transform, type Readable, type TransformCallback } from 'node:stream';

/** A stream of text with each of its lines turned into another, or several; it breaks when the stream does. */
export function mapLines(stream: Readable, map: (line: string) => string): Readable {
  const lines = new LineMapper(map);
  stream.on('error', (error) => lines.destroy(error));
  return stream.pipe(lines);
}

class LineMapper extends Transform {
  readonly #map: (line: string) => string;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(map: (line: string) => string) {
    super();
    this.#map = map;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    done(null, lines.map((line) => `${this.#map(line)}\n`).join(''));
  }

  override _flush(done: TransformCallback): void {
    const rest = this.#rest + this.#decoder.end();
    done(null, rest === '' ? '' : `${this.#map(rest)}\n`);
  }
}
