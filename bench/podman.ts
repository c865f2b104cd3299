import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { timed } from './measure.ts';
import { program } from './program.ts';

/** The first that works is taken: `overlay` is what podman has by itself, `vfs` copies every layer, for kernels without overlays here. */
const DRIVERS = ['overlay', 'vfs'] as const;

/** Podman with a storage of its own in a directory. */
export class Podman {
  readonly driver: string;
  readonly #argv: readonly string[];
  readonly #root: string;

  private constructor(directory: string, driver: string) {
    this.driver = driver;
    this.#root = join(directory, 'root');
    const places = [
      '--root',
      this.#root,
      '--runroot',
      join(directory, 'run'),
      '--tmpdir',
      join(directory, 'tmp'),
    ];
    this.#argv = ['podman', ...places, '--storage-driver', driver];
  }

  /** One that can pull this image; undefined, said with the reasons, when none can. */
  static async open(
    directory: string,
    image: string,
    say: (line: string) => void,
  ): Promise<Podman | undefined> {
    for (const driver of DRIVERS) {
      const podman = new Podman(join(directory, driver), driver);
      try {
        await podman.pull(image);
        await podman.forget();
        return podman;
      } catch (error) {
        say(`podman does not pull with the driver ${driver}: ${String(error)}`);
        await podman.close();
      }
    }
    return undefined;
  }

  /** Milliseconds of a pull. */
  pull(image: string): Promise<number> {
    return timed(() => program([...this.#argv, 'pull', '--quiet', '--tls-verify=false', image]));
  }

  /** Removes all images with their layers. */
  async forget(): Promise<void> {
    await program([...this.#argv, 'rmi', '--all', '--force']);
  }

  /** Removes the storage, of which the overlay driver keeps a mount. */
  async close(): Promise<void> {
    await program(['umount', '--lazy', join(this.#root, 'overlay')]).catch(() => undefined);
    rmSync(join(this.#root, '..'), { recursive: true, force: true });
  }
}
