import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GuestSession } from './driver.ts';
import { ExitTag, StartedTag } from './exec.ts';
import { FieldWriter } from './fields.ts';
import { encodeFrameHeader, FrameFlag, FrameType } from './frame.ts';
import { MessageType } from './message-types.ts';
import { MuxSession } from './mux-session.ts';
import { PortsTag, PortTag } from './ports.ts';
import { ErrorReason, ErrorTag } from './reply-error.ts';
import { createGuestSession } from './session.ts';

const hello = { generation: 1, agentVersion: 'x', bootId: 'x', configured: true, init: 'agent' };

/** A session, and the guest's side of its transport. */
function connect(): { session: GuestSession; send: (bytes: Uint8Array) => void } {
  const [near, far] = duplexPair();
  const mux = new MuxSession(near);
  near.on('data', (chunk: Buffer) => mux.receive(chunk));
  far.on('error', () => undefined);
  far.resume();
  return { session: createGuestSession(mux, hello), send: (bytes) => void far.write(bytes) };
}

function message(type: number, payload: Uint8Array | FieldWriter, length?: number): Buffer {
  const bytes = payload instanceof FieldWriter ? payload.encode() : payload;
  const head = Buffer.alloc(6);
  head.writeUInt16BE(type, 0);
  head.writeUInt32BE(length ?? bytes.length, 2);
  return Buffer.concat([head, bytes]);
}

/** Messages on the first stream, in one frame; with FIN when the stream ends there. */
function onFirstStream(messages: readonly Uint8Array[], flags = 0): Buffer {
  const bytes = Buffer.concat(messages);
  return Buffer.concat([encodeFrameHeader(FrameType.data, FrameFlag.ack | flags, 1, bytes.length), bytes]);
}

const started = message(
  MessageType.started,
  new FieldWriter().u32(StartedTag.session, 1).u32(StartedTag.pid, 2),
);
const port = (number: number, protocol = 1, address = Buffer.alloc(4)): FieldWriter =>
  new FieldWriter().u8(PortTag.protocol, protocol).bytes(PortTag.address, address).u16(PortTag.port, number);
const ports = (...all: readonly FieldWriter[]): Buffer =>
  message(
    MessageType.ok,
    all.reduce((fields, one) => fields.nested(PortsTag.port, one), new FieldWriter()),
  );

test.each([
  ['another type as its reply', message(MessageType.started, new FieldWriter()), 'type 33'],
  ['a reply over the limit', message(MessageType.ok, Buffer.alloc(0), 65_537), 'at most 65536'],
  ['fields that are cut off', message(MessageType.ok, Buffer.from([0, 1, 0])), 'cut off a field'],
  ['port 0', ports(port(0)), 'a port that cannot be'],
  ['an unknown protocol', ports(port(80, 3)), 'a port that cannot be'],
  ['an address of 5 bytes', ports(port(80, 1, Buffer.alloc(5))), 'a port that cannot be'],
  [
    'a port without number',
    ports(new FieldWriter().u8(PortTag.protocol, 1).bytes(PortTag.address, Buffer.alloc(4))),
    'left out a port',
  ],
])('ports: %s', async (_name, reply, complaint) => {
  const { session, send } = connect();
  const asked = session.ports();
  send(onFirstStream([reply]));
  const expected = { code: 'agent_protocol', message: expect.stringContaining(complaint) };
  await expect(asked).rejects.toMatchObject(expected);
  expect(await session.closed).toMatchObject(expected);
});

test('a reply that never comes before the end of its stream', async () => {
  const { session, send } = connect();
  const asked = session.stats();
  send(onFirstStream([], FrameFlag.fin));
  await expect(asked).rejects.toMatchObject({ message: expect.stringContaining('without its answer') });
});

test('a reply that never comes is a probe that failed, and the session goes on', async () => {
  const { session, send } = connect();
  await expect(session.stats({ timeoutMs: 30 })).rejects.toMatchObject({
    code: 'agent_not_ready',
    details: { probe: 'stats' },
  });
  await expect(session.ping({ timeoutMs: 30 })).rejects.toMatchObject({ details: { probe: 'ping' } });
  const asked = session.ports();
  send(Buffer.concat([encodeFrameHeader(FrameType.data, FrameFlag.ack, 3, ports().length), ports()]));
  expect(await asked).toEqual([]);
});

test('a request that is cancelled', async () => {
  const { session } = connect();
  const abort = new AbortController();
  const asked = session.stats({ signal: abort.signal });
  abort.abort();
  await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
  await expect(session.stats({ signal: abort.signal })).rejects.toMatchObject({ code: 'cancelled' });
});

test.each([
  [ErrorReason.badRequest, 'internal'],
  [ErrorReason.notConfigured, 'agent_not_ready'],
  [ErrorReason.notFound, 'command_not_found'],
  [ErrorReason.notExecutable, 'command_not_executable'],
  [ErrorReason.limit, 'agent_limit'],
  [ErrorReason.failed, 'guest_failed'],
  [ErrorReason.notSupported, 'not_supported'],
  [ErrorReason.noSuchUser, 'invalid_argument'],
  [ErrorReason.noShell, 'shell_not_found'],
  [99, 'guest_failed'],
])('reason %i of an error is %s', async (reason, code) => {
  const { session, send } = connect();
  const asked = session.exec({ argv: ['make'] });
  const error = new FieldWriter()
    .u32(ErrorTag.reason, reason)
    .u32(ErrorTag.errno, 2)
    .text(ErrorTag.text, 'a\u001b[2Jb', 'text');
  send(onFirstStream([message(MessageType.error, error)]));
  await expect(asked).rejects.toMatchObject({ code, details: { errno: 'ENOENT' } });
  await expect(asked).rejects.not.toMatchObject({ message: expect.stringContaining('\u001b') });
});

const exit = (fields: FieldWriter): Buffer => message(MessageType.exit, fields);
test.each([
  ['an exit without status', exit(new FieldWriter()), 'without one status or signal'],
  [
    'an exit with both',
    exit(new FieldWriter().u32(ExitTag.status, 0).u32(ExitTag.signal, 9)),
    'without one status',
  ],
  ['a status over 255', exit(new FieldWriter().u32(ExitTag.status, 256)), 'the exit status 256'],
  ['signal 0', exit(new FieldWriter().u32(ExitTag.signal, 0)), 'an exit by signal 0'],
  ['output of no bytes', message(MessageType.stdout, Buffer.alloc(0)), 'output of no bytes'],
  ['output over the limit', message(MessageType.stdout, Buffer.alloc(0), 65_531), 'at most 65530'],
  ['its own input', message(MessageType.stdin, Buffer.from('x')), 'type 34'],
])('exec: %s', async (_name, bytes, complaint) => {
  const { session, send } = connect();
  const running = session.exec({ argv: ['make'] });
  send(onFirstStream([started]));
  const exec = await running;
  exec.stdout.resume();
  exec.stderr.resume();
  send(onFirstStream([bytes]));
  const expected = { code: 'agent_protocol', message: expect.stringContaining(complaint) };
  await expect(exec.exit).rejects.toMatchObject(expected);
  expect(await session.closed).toMatchObject(expected);
  expect([exec.stdin.destroyed, exec.stdout.destroyed, exec.stderr.destroyed]).toEqual([true, true, true]);
});

test('output that came before the channel ended is still given', async () => {
  const { session, send } = connect();
  const running = session.exec({ argv: ['make'] });
  send(onFirstStream([started, message(MessageType.stdout, Buffer.from('last words'))]));
  const exec = await running;
  exec.stderr.resume();
  let seen = '';
  exec.stdout.on('data', (chunk) => (seen += String(chunk)));
  session.close();
  await expect(exec.exit).rejects.toMatchObject({ code: 'agent_lost' });
  expect(seen).toBe('last words');
});

test('a whole command in one frame', async () => {
  const { session, send } = connect();
  const running = session.exec({ argv: ['make'] });
  const end = exit(new FieldWriter().u32(ExitTag.signal, 11).flag(ExitTag.coreDumped));
  send(
    onFirstStream(
      [
        started,
        message(MessageType.stdout, Buffer.from('out')),
        message(MessageType.stderr, Buffer.from('err')),
        end,
      ],
      FrameFlag.fin,
    ),
  );
  const exec = await running;
  const all = await Promise.all([text(exec.stdout), text(exec.stderr), exec.exit]);
  expect(all).toEqual(['out', 'err', { signal: 11, coreDumped: true }]);
});

test('mutated transcripts of a command only ever end in its exit or an error of the channel', async () => {
  const transcript = onFirstStream(
    [
      started,
      message(MessageType.stdout, Buffer.alloc(200, 'o')),
      message(MessageType.stderr, Buffer.alloc(50, 'e')),
      exit(new FieldWriter().u32(ExitTag.status, 3)),
    ],
    FrameFlag.fin,
  );
  const mutation = fc.record({ at: fc.nat(transcript.length - 1), byte: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { maxLength: 4 }), fc.nat(80), async (mutations, step) => {
      const bytes = Buffer.from(transcript);
      for (const { at, byte } of mutations) bytes[at] = byte;
      const { session, send } = connect();
      const ended = session
        .exec({ argv: ['make'] })
        .then((exec) => {
          exec.stdout.resume();
          exec.stderr.resume();
          return exec.exit;
        })
        .then(
          (end) => ('status' in end ? 'exit' : 'signal'),
          (error: { code: string }) => error.code,
        );
      for (let at = 0; at < bytes.length; at += step + 1) send(bytes.subarray(at, at + step + 1));
      await setImmediate();
      session.close();
      expect([
        'exit',
        'signal',
        'agent_protocol',
        'agent_lost',
        'agent_limit',
        'guest_failed',
        'command_not_found',
      ]).toContain(await ended);
    }),
    { numRuns: 300 },
  );
});

test('a body that cannot go on ends with what the agent says, and the session lives', async () => {
  const { session, send } = connect();
  const asked = session.pack({ path: '/f', follow: false });
  const failure = new FieldWriter().u32(ErrorTag.errno, 5).text(ErrorTag.text, 'I/O error', 'text');
  const reason = failure.u32(ErrorTag.reason, ErrorReason.failed);
  send(
    onFirstStream([
      message(MessageType.ok, new FieldWriter()),
      message(MessageType.data, Buffer.from('half')),
      message(MessageType.error, reason),
    ]),
  );
  const body = await asked;
  await expect(body.toArray()).rejects.toMatchObject({ code: 'guest_failed', details: { errno: 'EIO' } });
  const over = await Promise.race([session.closed.then(() => 'over'), setImmediate('lives')]);
  expect(over).toBe('lives');
});

test('a body of anything else is a violation', async () => {
  const { session, send } = connect();
  const asked = session.pack({ path: '/f', follow: false });
  send(
    onFirstStream([
      message(MessageType.ok, new FieldWriter()),
      message(MessageType.stdout, Buffer.from('x')),
    ]),
  );
  await expect((await asked).toArray()).rejects.toMatchObject({ code: 'agent_protocol' });
  expect(await session.closed).toMatchObject({ code: 'agent_protocol' });
});
