import { randomBytes } from 'node:crypto';
import { BangerError } from '@banger/contract/error';
import type { GuestHello } from './driver.ts';
import { FieldReader } from './fields.ts';
import { GENERATION, MAX_HELLO_BYTES } from './limits.ts';
import { violation } from './violation.ts';

/** Length of the key that a host chooses at a VM's launch. */
const KEY_BYTES = 32;
const NONCE_BYTES = 16;
const LENGTH_BYTES = 4;
const HOST_MAGIC = Buffer.from('banger-hello-v1\n', 'latin1');
const AGENT_MAGIC = Buffer.from('banger-agent-v1\n', 'latin1');

/** A fresh nonce for one connection. */
export function createNonce(): Buffer {
  return randomBytes(NONCE_BYTES);
}

/** The 64 bytes that make the agent drop everything and answer. */
export function encodeHello(key: Uint8Array, nonce: Uint8Array): Buffer {
  if (key.length !== KEY_BYTES) throw new BangerError('internal', `A channel key has ${KEY_BYTES} bytes.`);
  return Buffer.concat([HOST_MAGIC, key, nonce]);
}

/** Where an answer was found. */
export interface FoundAnswer {
  readonly hello: GuestHello;
  /** What came after it: the session's first frames. */
  readonly rest: Buffer;
}

/**
 * Looks for the agent's answer to one nonce in received bytes, however they are chunked, and discards all before it.
 * Holds at most one answer. `push` throws `agent_protocol` when an answer has our nonce and is malformed.
 */
export class AnswerScanner {
  readonly #start: Buffer;
  #held: Buffer = Buffer.alloc(0);

  constructor(nonce: Uint8Array) {
    this.#start = Buffer.concat([AGENT_MAGIC, nonce]);
  }

  push(chunk: Buffer): FoundAnswer | undefined {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const at = bytes.indexOf(this.#start);
    if (at < 0) {
      this.#held = Buffer.from(bytes.subarray(Math.max(0, bytes.length - this.#start.length + 1)));
      return undefined;
    }
    const answer = parseAnswer(bytes.subarray(at), this.#start.length);
    if (answer === undefined) this.#held = Buffer.from(bytes.subarray(at));
    return answer;
  }
}

/**
 * Skips repeated answers where the first frame should begin: the agent may answer a hello twice. `push` returns the bytes
 * from the first frame on, or undefined while it cannot be told.
 */
export class RepeatSkipper {
  readonly #start: Buffer;
  #held: Buffer = Buffer.alloc(0);

  constructor(nonce: Uint8Array) {
    this.#start = Buffer.concat([AGENT_MAGIC, nonce]);
  }

  push(chunk: Buffer): Buffer | undefined {
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    for (;;) {
      const known = bytes.subarray(0, this.#start.length);
      if (bytes.length > 0 && !known.equals(this.#start.subarray(0, known.length))) return bytes;
      const repeat = known.length < this.#start.length ? undefined : parseAnswer(bytes, this.#start.length);
      if (repeat === undefined) {
        this.#held = Buffer.from(bytes);
        return undefined;
      }
      bytes = repeat.rest;
    }
  }
}

/** Parses what follows magic and nonce; undefined while it is not whole. */
function parseAnswer(bytes: Buffer, at: number): FoundAnswer | undefined {
  if (bytes.length < at + LENGTH_BYTES) return undefined;
  const length = bytes.readUInt32BE(at);
  if (length > MAX_HELLO_BYTES)
    throw violation(`answered hello with ${length} bytes; at most ${MAX_HELLO_BYTES} are allowed`);
  const end = at + LENGTH_BYTES + length;
  if (bytes.length < end) return undefined;
  return { hello: parseHello(bytes.subarray(at + LENGTH_BYTES, end)), rest: bytes.subarray(end) };
}

/** Tags of the agent's answer. */
export const HelloTag = { generation: 1, agentVersion: 2, bootId: 3, configured: 4, init: 5 } as const;

function parseHello(payload: Uint8Array): GuestHello {
  const fields = new FieldReader(payload, 'its hello');
  const generation = fields.required(fields.number(HelloTag.generation), 'the generation');
  if (generation < 1) throw violation(`speaks protocol generation ${generation}`);
  return {
    generation: Math.min(generation, GENERATION),
    agentVersion: fields.required(fields.text(HelloTag.agentVersion), 'the agent version'),
    bootId: fields.required(fields.text(HelloTag.bootId), 'the boot id'),
    configured: fields.required(fields.number(HelloTag.configured), 'configured') !== 0,
    init: fields.required(fields.text(HelloTag.init), 'the init'),
  };
}
