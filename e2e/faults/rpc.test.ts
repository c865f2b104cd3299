import { statSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FaultHome } from './fault-home.ts';
import { RawConnection } from './raw-connection.ts';

const MIB = 1024 ** 2;
/** docs/protocol.md: a line, in either direction. */
const LINE_LIMIT = 4 * MIB;
/** docs/protocol.md: calls at work on one connection, and messages in a batch. */
const CALL_LIMIT = 64;

const hello = { protocol: 1, build: 'a-test' };
const call = (id: unknown, method = 'vm.list', params: unknown = {}) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});
const answer = (id: unknown) => ({ jsonrpc: '2.0', id, result: [] });
const refusal = (id: unknown, code: number) => ({
  jsonrpc: '2.0',
  id,
  error: expect.objectContaining({ code, message: expect.stringMatching(/\S/) }),
});

describe("what comes on the daemon's socket", () => {
  let home: FaultHome;
  let pid: number;
  let raw: RawConnection;
  beforeAll(async () => {
    home = FaultHome.empty();
    pid = await home.daemonPid();
  });
  beforeEach(async () => {
    raw = await RawConnection.open(home.at('run', 'bangerd.sock'));
  });
  afterEach(async () => {
    raw.destroy();
    // It is the same daemon, well and idle, whatever came.
    const other = await RawConnection.open(home.at('run', 'bangerd.sock'));
    other.send(call(1, 'daemon.status'));
    expect(await other.line()).toMatchObject({ id: 1, result: { pid } });
    other.send(call(2));
    expect(await other.line()).toEqual(answer(2));
    other.destroy();
    expect(home.leftovers()).toEqual([]);
  });
  afterAll(() => home.remove());

  /** The connection goes on. */
  const goesOn = async (): Promise<void> => {
    raw.send(call('after'));
    expect(await raw.line()).toEqual(answer('after'));
    expect(raw.rest).toBe('');
  };

  test('only its user can open it', () => {
    expect(statSync(home.at('run')).mode & 0o777).toBe(0o700);
    expect(statSync(home.at('run', 'bangerd.sock')).mode & 0o777).toBe(0o600);
  });

  test.each([1, 0, -7, 1.5, 'text', '', null, 2 ** 53])(
    'an id may be %o, and comes back as it is',
    async (id) => {
      raw.send(call(id));
      expect(await raw.line()).toEqual(answer(id));
    },
  );

  test.each([[true], [[1]], [{ a: 1 }], ['x'.repeat(257)]])('an id that is none: %j', async (id) => {
    raw.send(call(id));
    expect(await raw.line()).toEqual(refusal(null, -32_600));
    await goesOn();
  });

  test.each<[string, unknown, unknown, number]>([
    ['another version', { ...call(1), jsonrpc: '1.0' }, 1, -32_600],
    ['no version', { id: 1, method: 'vm.list' }, 1, -32_600],
    ['no method', { jsonrpc: '2.0', id: 1 }, 1, -32_600],
    ['a method that is a number', { jsonrpc: '2.0', id: 1, method: 7 }, 1, -32_600],
    ['params that are text', call(1, 'vm.list', 'x'), 1, -32_600],
    ['params of no shape', call(1, 'vm.show', { vm: 7 }), 1, -32_602],
    ['params with something more', call(1, 'vm.show', { vm: 'x', more: 1 }), 1, -32_602],
    ['params in an array', call(1, 'vm.show', ['x']), 1, -32_602],
    ['an unknown method', call(1, 'vm.explode'), 1, -32_601],
    ["a method's name from the prototype", call(1, 'constructor'), 1, -32_601],
    [
      'params with a prototype',
      JSON.parse('{"jsonrpc":"2.0","id":1,"method":"vm.show","params":{"__proto__":{"vm":"x"}}}'),
      1,
      -32_602,
    ],
    ['a number', 7, null, -32_600],
    ['text', 'text', null, -32_600],
    ['null', null, null, -32_600],
    ['an empty batch', [], null, -32_600],
    ['a batch over the limit', Array.from({ length: CALL_LIMIT + 1 }, (_, id) => call(id)), null, -32_600],
  ])('%s is refused, and the connection goes on', async (_what, message, id, code) => {
    raw.send(message);
    expect(await raw.line()).toEqual(refusal(id, code));
    await goesOn();
  });

  test.each<[string, string | Uint8Array]>([
    ['no JSON', '{"jsonrpc":\n'],
    ['two values on a line', '{} {}\n'],
    [
      'bytes of another encoding',
      Buffer.from('{"jsonrpc":"2.0","id":1,"method":"vm.show","params":{"vm":"b\xe4r"}}\n', 'latin1'),
    ],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22, 0x0a])],
    ['a NUL', Buffer.from([0, 0x0a])],
    ['JSON nested past all reason', `${'['.repeat(200_000)}\n`],
  ])('%s is refused, and the connection goes on', async (_what, bytes) => {
    raw.write(bytes);
    expect(await raw.line()).toEqual(refusal(null, -32_700));
    await goesOn();
  });

  test('a batch is answered as one, each of its messages for itself, without its notifications', async () => {
    raw.send([call(1), { jsonrpc: '2.0', method: 'vm.list' }, 7, call(2, 'vm.explode'), call(3)]);
    const answers = (await raw.line()) as unknown[];
    expect(answers).toHaveLength(4);
    expect(answers).toEqual(
      expect.arrayContaining([answer(1), refusal(null, -32_600), refusal(2, -32_601), answer(3)]),
    );
    await goesOn();
  });

  test('notifications are not answered, not even wrong ones', async () => {
    raw.send([{ jsonrpc: '2.0', method: 'vm.list' }]);
    raw.send({ jsonrpc: '2.0', method: 'vm.explode' });
    raw.send({ jsonrpc: '2.0', method: '$/cancel', params: { id: 'never was' } });
    raw.write('\n\r\n');
    await goesOn();
  });

  test('a message in pieces, and several in one', async () => {
    for (const byte of Buffer.from(`${JSON.stringify(call('grüße'))}\n`)) raw.write(Uint8Array.of(byte));
    expect(await raw.line()).toEqual(answer('grüße'));
    raw.write([1, 2, 3].map((id) => `${JSON.stringify(call(id))}\r\n`).join(''));
    const answers = [await raw.line(), await raw.line(), await raw.line()];
    expect(answers).toEqual(expect.arrayContaining([answer(1), answer(2), answer(3)]));
  });

  test('a line over the limit ends the connection, with the reason', async () => {
    raw.write('x'.repeat(LINE_LIMIT + 1));
    expect(await raw.line()).toEqual(refusal(null, -32_600));
    await raw.closed();
  });

  test('half a line and gone', async () => {
    raw.write('{"jsonrpc":"2.0","id":1,"method":"daemon.st');
  });

  test('more calls at once than may be are refused, the others are answered', async () => {
    raw.write(Array.from({ length: CALL_LIMIT * 2 }, (_, id) => `${JSON.stringify(call(id))}\n`).join(''));
    const answers: unknown[] = [];
    while (answers.length < CALL_LIMIT * 2) answers.push(await raw.line());
    expect(new Set(answers.map((each) => (each as { id: number }).id)).size).toBe(CALL_LIMIT * 2);
    expect(answers).toContainEqual({ jsonrpc: '2.0', id: expect.any(Number), result: [] });
    expect(answers).toContainEqual(refusal(expect.any(Number), -32_600));
  });

  test('another protocol version is told what is spoken here', async () => {
    raw.send(call(1, 'daemon.hello', { ...hello, protocol: 99 }));
    expect(await raw.line()).toMatchObject({ id: 1, result: { protocol: 1, pid } });
  });

  test('streams that nobody promised, and sessions of others, are refused', async () => {
    raw.send(call(1, 'stream.attach', { stream: 'guessed' }));
    expect(await raw.line()).toEqual(refusal(1, -32_602));
    raw.send(call(2, 'exec.signal', { session: '0'.repeat(32), signal: 9 }));
    expect(await raw.line()).toEqual(refusal(2, -32_000));
    await goesOn();
  });

  test('values that the command line would never send are refused in the daemon too, with code and hint', async () => {
    const spec = {
      ...{ name: 'x', image: 'debian-bookworm', kernel: 'debian-cloud', vcpu: 1, memoryMib: 512 },
      ...{ diskBytes: 2 ** 33, rootBytes: 2 ** 33, network: 'user', outbound: true, env: [] },
    };
    const wrong = [
      { name: '../../x' },
      { vcpu: 0 },
      { vcpu: 1e9 },
      { memoryMib: -1 },
      { diskBytes: 2 ** 60 },
      { rootBytes: 1 },
      { env: ['no value'] },
      { env: ['A=\0'] },
      { env: [`A=${'x'.repeat(MIB)}`] },
      { network: 'none' },
      { image: '../../../etc' },
      { kernel: '..' },
    ];
    for (const change of wrong) {
      const params = { spec: { ...spec, ...change }, start: true, ephemeral: false, waitInit: false };
      raw.send(call(1, 'vm.create', params));
      let line = (await raw.line()) as { method?: string; error?: { data: unknown } };
      // Progress may come first.
      while (line.method !== undefined) line = (await raw.line()) as typeof line;
      expect(line, JSON.stringify(change).slice(0, 80)).toMatchObject({
        id: 1,
        error: {
          data: {
            code: expect.stringMatching(/^(name_invalid|invalid_argument)$/),
            hint: expect.stringMatching(/\S/),
            operation: expect.stringMatching(/^[0-9a-f]{12}$/),
          },
        },
      });
      expect(JSON.stringify(line)).not.toMatch(/\\n\s+at |node:/);
    }
  });

  test('a client that asks and never reads is cut off, not waited for', async () => {
    raw.destroy();
    const deaf = await RawConnection.open(home.at('run', 'bangerd.sock'));
    for (let n = 0; n < 200; n += 1)
      deaf.write(`[${Array.from({ length: CALL_LIMIT }, (_, id) => JSON.stringify(call(id))).join(',')}]\n`);
    expect(await home.list()).toEqual([]);
    deaf.destroy();
    raw = await RawConnection.open(home.at('run', 'bangerd.sock'));
  });
});
