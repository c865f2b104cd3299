import { createSocket } from 'node:dgram';
import { createConnection, isIPv6 } from 'node:net';

/** What to try to reach. */
export interface Target {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  /** Source port; any when absent. */
  readonly sourcePort?: number;
  /** Source address; the usual one when absent. */
  readonly sourceAddress?: string;
}

/** What came of it. */
export interface Outcome {
  readonly target: Target;
  /** What the target answered; absent when nothing came. */
  readonly answer?: string;
  /** Error code of the refusal; absent when nothing at all came. */
  readonly error?: string;
  readonly milliseconds: number;
}

/** Real answers come within milliseconds, also under load on two cores; silence is taken for good after this. */
const SILENCE_MS = 1500;

/** Program: tries every target of its argument (JSON) at once and prints the outcomes. */
async function main(targets: readonly Target[]): Promise<void> {
  console.log(JSON.stringify(await Promise.all(targets.map(probe))));
}

async function probe(target: Target): Promise<Outcome> {
  const start = performance.now();
  const result = await (target.protocol === 'tcp' ? probeTcp(target) : probeUdp(target));
  return { target, ...result, milliseconds: Math.round(performance.now() - start) };
}

type Result = Pick<Outcome, 'answer' | 'error'>;

function probeTcp({ address, port, sourcePort, sourceAddress }: Target): Promise<Result> {
  return new Promise((resolve) => {
    const socket = createConnection({
      host: address,
      port,
      ...(sourcePort === undefined ? {} : { localPort: sourcePort }),
      ...(sourceAddress === undefined ? {} : { localAddress: sourceAddress }),
    });
    const finish = (result: Result): void => {
      socket.destroy();
      resolve(result);
    };
    socket.on('data', (data) => finish({ answer: data.toString() }));
    socket.on('error', (error: NodeJS.ErrnoException) => finish({ error: error.code ?? error.message }));
    setTimeout(() => finish({}), SILENCE_MS).unref();
  });
}

function probeUdp({ address, port, sourcePort, sourceAddress }: Target): Promise<Result> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const finish = (result: Result): void => {
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => finish({}), SILENCE_MS);
    const end = (result: Result): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      finish(result);
    };
    const refused = (error: NodeJS.ErrnoException): void => end({ error: error.code ?? error.message });
    socket.on('message', (data) => end({ answer: data.toString() }));
    socket.on('error', refused);
    socket.bind(
      { port: sourcePort ?? 0, ...(sourceAddress === undefined ? {} : { address: sourceAddress }) },
      () => {
        socket.connect(port, address, (error?: Error) => {
          if (error) refused(error);
          else socket.send('hello', (failure) => failure && refused(failure));
        });
      },
    );
  });
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '[]') as Target[]);
