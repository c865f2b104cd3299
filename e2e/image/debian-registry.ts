import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The login of the registries that want one. */
export const USER = 'me';
export const PASSWORD = 'hunter2hunter2';
/** What htpasswd(1) makes of them, bcrypt with the least cost. */
const HTPASSWD = 'me:$2y$05$0.N6sVAR/NZrTm4jQCPqP.Mfq.LWDUVIm6htOBqPGD3cSuBlPjlI2';

/** How long it may take to listen; it takes 50 ms on an idle machine. */
const LISTEN_MS = 20_000;
const LOOK_MS = 20;

/** How a registry is to be. */
export interface RegistryWish {
  /** Directory for its configuration; its content lies in `data` there, for all of the same directory. */
  readonly directory: string;
  readonly login?: boolean;
  /** PEM files. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** The registry of distribution, on the loopback interface. */
export class DebianRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly #config: string;
  #process: ChildProcess | undefined;

  private constructor(host: string, config: string) {
    this.host = host;
    this.#config = config;
  }

  /** Starts one on a port that was free. */
  static async start({ directory, login = false, tls }: RegistryWish): Promise<DebianRegistry> {
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    writeFileSync(join(directory, 'htpasswd'), `${HTPASSWD}\n`);
    const config = {
      version: '0.1',
      log: { level: 'error', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(directory, 'data') } },
      http: { addr: host, ...(tls === undefined ? {} : { tls }) },
      ...(login ? { auth: { htpasswd: { realm: 'test', path: join(directory, 'htpasswd') } } } : {}),
    };
    const file = join(directory, `config-${port}.yml`);
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(config));
    const registry = new DebianRegistry(host, file);
    await registry.begin();
    return registry;
  }

  /** Starts it, also once more on the same port. */
  async begin(): Promise<void> {
    const log = openSync(`${this.#config}.log`, 'a');
    this.#process = spawn(program(), ['serve', this.#config], { stdio: ['ignore', log, log] });
    closeSync(log);
    const deadline = Date.now() + LISTEN_MS;
    const port = Number(this.host.split(':')[1]);
    while (!(await listens(port))) {
      if (this.#process.exitCode !== null || Date.now() > deadline)
        throw new Error(`the registry does not start:\n${readFileSync(`${this.#config}.log`, 'utf8')}`);
      await sleep(LOOK_MS);
    }
  }

  /** Kills it and waits for its end. */
  async end(): Promise<void> {
    const ended = this.#process;
    if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return;
    ended.kill('SIGKILL');
    await once(ended, 'exit');
  }
}

/** Debian calls it docker-registry, others registry. */
function program(): string {
  const names = ['docker-registry', 'registry'];
  const found = names.find((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error(`none of ${names.join(', ')} is installed`);
  return found;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
