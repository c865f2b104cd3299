import { constants } from 'node:os';
import { dirname } from 'node:path';
import { addressBytes } from '../address.ts';
import { ClockTag } from '../clock.ts';
import { ConfigureTag, FileTag, WarningTag } from '../configure.ts';
import { dataDuplex } from '../data-duplex.ts';
import { DialKind, DialTag } from '../dial.ts';
import type { DialTarget } from '../driver.ts';
import { EventTag } from '../events.ts';
import { ResizeTag, SignalTag } from '../exec.ts';
import { FieldReader, FieldWriter } from '../fields.ts';
import { GetTag, GotTag } from '../get.ts';
import type { MessageStream } from '../message-stream.ts';
import { MessageType } from '../message-types.ts';
import { PortsTag, PortTag } from '../ports.ts';
import { PutTag } from '../put.ts';
import { ErrorReason } from '../reply-error.ts';
import { ShutdownTag } from '../shutdown.ts';
import { FileSystemTag, StatsTag } from '../stats.ts';
import { violation } from '../violation.ts';
import { serveExec } from './fake-exec.ts';
import { ok, refuse } from './fake-reply.ts';
import type { FakeGuestState } from './fake-state.ts';
import { servePack, serveUnpack } from './fake-tree.ts';

type Handler = (state: FakeGuestState, stream: MessageStream, payload: Uint8Array) => void | Promise<void>;

const ENOENT = 2;
const EMPTY = new Uint8Array(0);
const DEFAULT_FILE_MODE = 0o644;
const MAX_FILES = 1024;
const NS_PER_SECOND = 1e9;
const NS_PER_MS = 1_000_000n;
const LOAD_UNIT = 1000;

/** Requests that are served before `configure` was. */
const ALWAYS_SERVED: ReadonlySet<number> = new Set([
  MessageType.configure,
  MessageType.sync,
  MessageType.shutdown,
  MessageType.events,
]);

const handlers = new Map<number, Handler>([
  [MessageType.configure, serveConfigure],
  [MessageType.exec, serveExec],
  [MessageType.signal, serveSignal],
  [MessageType.resize, serveResize],
  [MessageType.dial, serveDial],
  [MessageType.put, servePut],
  [MessageType.get, serveGet],
  [MessageType.pack, servePack],
  [MessageType.unpack, serveUnpack],
  [MessageType.ports, servePorts],
  [MessageType.stats, serveStats],
  [MessageType.clock, serveClock],
  [MessageType.sync, serveSync],
  [MessageType.shutdown, serveShutdown],
  [MessageType.events, serveEvents],
]);

/** Serves the request that a stream of the host begins with. */
export async function serveRequest(state: FakeGuestState, stream: MessageStream): Promise<void> {
  const { type, payload } = await stream.next();
  const handler = handlers.get(type);
  if (handler === undefined) refuse(stream, ErrorReason.notSupported, 0, `unknown message ${type}`);
  else if (!state.hello.configured && !ALWAYS_SERVED.has(type))
    refuse(stream, ErrorReason.notConfigured, 0, '');
  else await handler(state, stream, payload);
}

async function serveConfigure(
  state: FakeGuestState,
  stream: MessageStream,
  payload: Uint8Array,
): Promise<void> {
  await state.options.onConfigure?.();
  const fields = new FieldReader(payload, 'configure');
  for (const file of fields.nested(ConfigureTag.file, MAX_FILES)) {
    const path = file.required(file.text(FileTag.path), 'a path');
    state.nodes.set(path, {
      kind: 'file',
      mode: file.required(file.number(FileTag.mode), 'a mode'),
      uid: file.required(file.number(FileTag.uid), 'a uid'),
      gid: file.required(file.number(FileTag.gid), 'a gid'),
      content: file.required(file.bytes(FileTag.content), 'a content'),
    });
  }
  const time = fields.integer(ConfigureTag.time);
  if (time !== undefined) state.setClock(Number(time / NS_PER_MS));
  state.configured(payload);
  const answer = new FieldWriter();
  for (const warning of state.options.warnings ?? []) answer.text(WarningTag.warning, warning, 'warning');
  ok(stream, answer);
}

function serveSignal(state: FakeGuestState, stream: MessageStream, payload: Uint8Array): void {
  const fields = new FieldReader(payload, 'signal');
  const session = state.sessions.get(fields.required(fields.number(SignalTag.session), 'a session'));
  const number = fields.required(fields.number(SignalTag.signal), 'a signal');
  if (session === undefined) {
    refuse(stream, ErrorReason.failed, constants.errno.ESRCH, 'no such session');
    return;
  }
  session.signal(number);
  ok(stream);
}

function serveResize(state: FakeGuestState, stream: MessageStream, payload: Uint8Array): void {
  const fields = new FieldReader(payload, 'resize');
  const session = state.sessions.get(fields.required(fields.number(ResizeTag.session), 'a session'));
  if (session === undefined) {
    refuse(stream, ErrorReason.failed, constants.errno.ESRCH, 'no such session');
    return;
  }
  session.resize(
    fields.required(fields.number(ResizeTag.rows), 'rows'),
    fields.required(fields.number(ResizeTag.columns), 'columns'),
  );
  ok(stream);
}

function serveDial(state: FakeGuestState, stream: MessageStream, payload: Uint8Array): void {
  const fields = new FieldReader(payload, 'dial');
  const kind = fields.required(fields.number(DialTag.kind), 'a kind');
  const host = fields.required(fields.text(DialTag.host), 'a host');
  const target: DialTarget =
    kind === DialKind.unix
      ? { kind: 'unix', path: host }
      : {
          kind: kind === DialKind.udp ? 'udp' : 'tcp',
          host,
          port: fields.required(fields.number(DialTag.port), 'a port'),
        };
  const far = state.options.dial?.(target) ?? ENOENT;
  if (typeof far === 'number') {
    refuse(stream, ErrorReason.failed, far, 'it is not there');
    return;
  }
  stream.send(MessageType.ok, EMPTY);
  const near = dataDuplex(stream, target.kind === 'udp');
  far.on('error', () => near.destroy());
  near.on('error', () => far.destroy());
  near.pipe(far).pipe(near);
}

async function servePut(state: FakeGuestState, stream: MessageStream, payload: Uint8Array): Promise<void> {
  const fields = new FieldReader(payload, 'put');
  const path = fields.required(fields.text(PutTag.path), 'a path');
  if (state.nodes.get(dirname(path))?.kind !== 'directory') {
    refuse(stream, ErrorReason.failed, ENOENT, 'No such file or directory');
    return;
  }
  const parts: Uint8Array[] = [];
  for (;;) {
    const message = await stream.next();
    if (message.type !== MessageType.data)
      throw stream.refuse(violation(`sent a message of type ${message.type} in a file`));
    if (message.payload.length === 0) break;
    parts.push(Buffer.from(message.payload));
  }
  state.nodes.set(path, {
    kind: 'file',
    mode: fields.number(PutTag.mode) ?? DEFAULT_FILE_MODE,
    uid: fields.number(PutTag.uid) ?? 0,
    gid: fields.number(PutTag.gid) ?? 0,
    content: Buffer.concat(parts),
  });
  ok(stream);
}

function serveGet(state: FakeGuestState, stream: MessageStream, payload: Uint8Array): void {
  const fields = new FieldReader(payload, 'get');
  const file = state.nodes.get(fields.required(fields.text(GetTag.path), 'a path'));
  if (file?.kind !== 'file') {
    refuse(stream, ErrorReason.failed, ENOENT, 'No such file or directory');
    return;
  }
  const got = new FieldWriter()
    .u32(GotTag.mode, file.mode)
    .u32(GotTag.uid, file.uid)
    .u32(GotTag.gid, file.gid)
    .u64(GotTag.size, BigInt(file.content.length));
  stream.send(MessageType.ok, got.encode());
  stream.sendRaw(MessageType.data, file.content, () => undefined);
  stream.send(MessageType.data, EMPTY);
  stream.end();
}

function servePorts(state: FakeGuestState, stream: MessageStream): void {
  const fields = new FieldWriter();
  for (const { protocol, address, port, pid, program } of state.options.ports?.() ?? []) {
    const entry = new FieldWriter()
      .u8(PortTag.protocol, protocol === 'tcp' ? 1 : 2)
      .bytes(PortTag.address, addressBytes(address))
      .u16(PortTag.port, port);
    if (pid !== undefined) entry.u32(PortTag.pid, pid);
    if (program !== undefined) entry.text(PortTag.program, program, 'program');
    fields.nested(PortsTag.port, entry);
  }
  ok(stream, fields);
}

function serveStats({ stats }: FakeGuestState, stream: MessageStream): void {
  const fields = new FieldWriter()
    .u64(StatsTag.uptime, BigInt(Math.round(stats.uptimeSeconds * NS_PER_SECOND)))
    .u64(StatsTag.cpuTotal, BigInt(stats.cpu.totalTicks))
    .u64(StatsTag.cpuIdle, BigInt(stats.cpu.idleTicks))
    .u64(StatsTag.memoryTotal, BigInt(stats.memory.total))
    .u64(StatsTag.memoryAvailable, BigInt(stats.memory.available))
    .u32(StatsTag.load, Math.round(stats.load * LOAD_UNIT))
    .u64(StatsTag.received, BigInt(stats.network.received))
    .u64(StatsTag.sent, BigInt(stats.network.sent))
    .u32(StatsTag.processes, stats.processes);
  for (const { mountPoint, size, free } of stats.fileSystems)
    fields.nested(
      StatsTag.fileSystem,
      new FieldWriter()
        .text(FileSystemTag.mountPoint, mountPoint, 'mount point')
        .u64(FileSystemTag.size, BigInt(size))
        .u64(FileSystemTag.free, BigInt(free)),
    );
  ok(stream, fields);
}

async function serveClock(state: FakeGuestState, stream: MessageStream): Promise<void> {
  await state.options.onClock?.();
  ok(stream, new FieldWriter().u64(ClockTag.time, BigInt(Math.round(state.now())) * NS_PER_MS));
}

async function serveSync(state: FakeGuestState, stream: MessageStream): Promise<void> {
  state.requests.push('sync');
  await state.options.onSync?.();
  ok(stream);
}

function serveShutdown(state: FakeGuestState, stream: MessageStream, payload: Uint8Array): void {
  const fields = new FieldReader(payload, 'shutdown');
  state.requests.push(`shutdown ${fields.required(fields.number(ShutdownTag.how), 'how')}`);
  ok(stream);
  state.options.onShutdown?.();
}

function serveEvents(state: FakeGuestState, stream: MessageStream): void {
  for (const { name, detail } of state.options.events ?? [{ name: 'init-ready', detail: '' }])
    stream.send(
      MessageType.event,
      new FieldWriter().text(EventTag.name, name, 'name').text(EventTag.detail, detail, 'detail').encode(),
    );
}
