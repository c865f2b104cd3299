import { invalidImage } from './invalid.ts';

/**
 * What all layers of an image may come to, holes and hidden files counted, whatever their compressed size: some times the largest images
 * that there are. Beyond, somebody wants to keep us busy.
 */
export const MAX_IMAGE_BYTES = 256 * 1024 ** 3;

/** Counts what an image unpacks to, so that a bomb is told from an image. */
export class ByteBudget {
  readonly #most: number;
  #left: number;

  constructor(most: number = MAX_IMAGE_BYTES) {
    this.#most = most;
    this.#left = most;
  }

  /** Throws `image_invalid` when the image comes to more than it may. */
  spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw invalidImage(`The image unpacks to more than ${this.#most} bytes.`);
  }
}
