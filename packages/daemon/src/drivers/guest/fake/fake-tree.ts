import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { isBangerError } from '@banger/contract/error';
import { rawText } from '@banger/contract/raw-text';
import { encodeRecord, recordKind, MAX_RECORD_BYTES, TreeReader } from '@banger/contract/tree-record';
import type { TreeRecord } from '@banger/contract/tree-record';
import { FrameDecoder, type Frame } from '@banger/rpc/frame-codec';
import { FieldReader } from '../fields.ts';
import type { MessageStream } from '../message-stream.ts';
import { MessageType } from '../message-types.ts';
import { PackTag } from '../pack.ts';
import { createRawInput } from '../raw-input.ts';
import { ErrorReason } from '../reply-error.ts';
import { UnpackTag } from '../unpack.ts';
import { violation } from '../violation.ts';
import { FakeFailure, type FakeNodes } from './fake-nodes.ts';
import { ok, refuse } from './fake-reply.ts';
import type { FakeGuestState } from './fake-state.ts';

const RECORD_HEAD_BYTES = 5;

/** Sends what is below a path, as the agent does. */
export async function servePack(
  { nodes }: FakeGuestState,
  stream: MessageStream,
  payload: Uint8Array,
): Promise<void> {
  const fields = new FieldReader(payload, 'pack');
  const path = rawText(fields.required(fields.bytes(PackTag.path), 'a path'));
  const root = fields.has(PackTag.follow) ? nodes.follow(path) : path;
  if (nodes.get(root) === undefined) {
    refuse(stream, ErrorReason.failed, new FakeFailure('ENOENT', path).errno, 'No such file or directory');
    return;
  }
  stream.send(MessageType.ok, new Uint8Array(0));
  const output = createRawInput(stream, MessageType.data, { endMessage: true });
  Readable.from([...walk(nodes, root, '')].map(recordBytes), { objectMode: false })
    .pipe(output)
    .on('finish', () => stream.end());
}

function* walk(nodes: FakeNodes, path: string, name: string): Generator<TreeRecord> {
  const node = nodes.get(path);
  if (node === undefined) return;
  const entry = { name, mode: node.mode & 0o777, mtimeNs: node.mtimeNs ?? 0n };
  if (node.kind === 'link') {
    yield { kind: 'link', ...entry, size: 0, target: node.target };
    return;
  }
  yield { kind: node.kind, ...entry, size: node.kind === 'file' ? node.content.length : 0 };
  if (node.kind === 'directory')
    for (const child of nodes.children(path)) yield* walk(nodes, join(path, child), child);
  else
    for (let at = 0; at < node.content.length; at += MAX_RECORD_BYTES)
      yield { kind: 'content', bytes: node.content.subarray(at, at + MAX_RECORD_BYTES) };
  yield { kind: 'end' };
}

function recordBytes(record: TreeRecord): Buffer {
  const { kind, payload } = encodeRecord(record);
  const head = Buffer.alloc(RECORD_HEAD_BYTES);
  head.writeUInt8(kind);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

/** Makes what the host sends, as the agent does: each file when it is whole. */
export async function serveUnpack(
  { nodes }: FakeGuestState,
  stream: MessageStream,
  payload: Uint8Array,
): Promise<void> {
  const fields = new FieldReader(payload, 'unpack');
  const path = rawText(fields.required(fields.bytes(UnpackTag.path), 'a path'));
  const name = fields.bytes(UnpackTag.name);
  const target = {
    path,
    name: name === undefined ? undefined : rawText(name),
    into: fields.has(UnpackTag.into),
  };
  const decoder = new FrameDecoder({
    kinds: new Set<number>(Object.values(recordKind)),
    maxPayloadBytes: MAX_RECORD_BYTES,
  });
  const body = Readable.from(bodyOf(stream));
  body.on('error', (error) => decoder.destroy(error));
  body.pipe(decoder);
  const reader = new TreeReader();
  const maker = new TreeMaker(nodes, target);
  try {
    for await (const frame of decoder as AsyncIterable<Frame>) maker.take(reader.read(frame));
    if (!reader.over) throw violation('sent a tree that is not whole');
    ok(stream);
  } catch (error) {
    if (stream.failure !== undefined) return;
    if (error instanceof FakeFailure) refuse(stream, ErrorReason.failed, error.errno, error.message);
    else refuse(stream, ErrorReason.badRequest, 0, (error as Error).message);
    if (!isBangerError(error) && !(error instanceof FakeFailure)) throw error;
  }
}

async function* bodyOf(stream: MessageStream): AsyncGenerator<Uint8Array> {
  for (;;) {
    const message = await stream.next();
    if (message.type !== MessageType.data)
      throw stream.refuse(violation(`sent a message of type ${message.type} in a tree`));
    if (message.payload.length === 0) return;
    yield Buffer.from(message.payload);
  }
}

interface Target {
  readonly path: string;
  readonly name: string | undefined;
  readonly into: boolean;
}

/** Applies the records of one tree. */
class TreeMaker {
  readonly #nodes: FakeNodes;
  readonly #target: Target;
  /** Directories being filled, with what they are to be at their end. */
  readonly #open: { readonly path: string; readonly end: () => void }[] = [];
  #file: { readonly path: string; readonly record: Extract<TreeRecord, { kind: 'file' }> } | undefined;
  #content: Uint8Array[] = [];

  constructor(nodes: FakeNodes, target: Target) {
    this.#nodes = nodes;
    this.#target = target;
  }

  take(record: TreeRecord): void {
    switch (record.kind) {
      case 'directory':
        this.#directory(this.#place(record), record);
        break;
      case 'file':
        this.#file = { path: this.#place(record), record };
        this.#content = [];
        break;
      case 'link': {
        const { target, mode, mtimeNs } = record;
        this.#nodes.replace(this.#place(record), { kind: 'link', target, mode, mtimeNs });
        break;
      }
      case 'content':
        this.#content.push(record.bytes);
        break;
      case 'skip':
        this.#file = undefined;
        break;
      case 'end':
      default:
        this.#end();
    }
  }

  #end(): void {
    if (this.#file === undefined) {
      this.#open.pop()?.end();
      return;
    }
    const { path, record } = this.#file;
    this.#file = undefined;
    const { mode, mtimeNs } = record;
    const content = Buffer.concat(this.#content);
    this.#nodes.replace(path, { kind: 'file', mode, mtimeNs, uid: 0, gid: 0, content });
  }

  #directory(path: string, { mode, mtimeNs }: Extract<TreeRecord, { kind: 'directory' }>): void {
    const node = this.#nodes.get(path);
    if (node !== undefined && node.kind !== 'directory')
      throw new FakeFailure('ENOTDIR', `${basename(path)}: exists and is no directory`);
    if (node === undefined) this.#nodes.set(path, { kind: 'directory', mode: 0o700 });
    const end = (): void => {
      if (node === undefined) this.#nodes.set(path, { kind: 'directory', mode, mtimeNs });
    };
    this.#open.push({ path, end });
  }

  /** Where an entry goes; for the root, by the rules of `cp -r`. */
  #place({ kind, name }: Extract<TreeRecord, { name: string }>): string {
    const directory = this.#open.at(-1);
    if (directory !== undefined) return join(directory.path, name);
    const { path, name: inside, into } = this.#target;
    const real = this.#nodes.follow(path);
    const there = this.#nodes.get(real);
    if (there === undefined) {
      if (into || (path.endsWith('/') && kind !== 'directory'))
        throw new FakeFailure('ENOENT', `${path}: no such directory`);
      if (this.#nodes.get(dirname(real))?.kind !== 'directory')
        throw new FakeFailure('ENOENT', `${dirname(real)}: No such file or directory`);
      return real;
    }
    if (there.kind === 'directory') {
      if (inside !== undefined) return join(real, inside);
      if (kind !== 'directory') throw new FakeFailure('EISDIR', `${path}: is a directory`);
      return real;
    }
    if (into || kind === 'directory') throw new FakeFailure('ENOTDIR', `${path}: exists and is no directory`);
    return real;
  }
}
