import type { ImageStore } from '../drivers/image/driver.ts';
import type { VmRepository } from '../store/vm-repository.ts';

/** Who has a kernel, by name. */
export interface UsersOfKernel {
  readonly vms: readonly string[];
  readonly images: readonly string[];
}

/** Tells who uses a kernel: VMs, images, and images that are being made. */
export class KernelUsers {
  readonly #vms: Pick<VmRepository, 'list'>;
  readonly #images: Pick<ImageStore, 'list'>;
  /** Images that are being made, with the kernel that each is to have. */
  readonly #chosen = new Set<{ readonly kernel: string; readonly image: string }>();

  constructor(users: {
    readonly vms: Pick<VmRepository, 'list'>;
    readonly images: Pick<ImageStore, 'list'>;
  }) {
    this.#vms = users.vms;
    this.#images = users.images;
  }

  /** Whom the kernel has at the moment in which this resolves. */
  async of(kernel: string): Promise<UsersOfKernel> {
    const images = (await this.#imagesOf(kernel)).concat(
      [...this.#chosen].filter((choice) => choice.kernel === kernel).map(({ image }) => image),
    );
    // Last, and at once: a VM may have been made while the images were looked through.
    const vms = this.#vms
      .list()
      .filter((vm) => vm.spec.kernel === kernel)
      .map((vm) => vm.spec.name);
    return { vms, images: [...new Set(images)].toSorted() };
  }

  /** True when a kernel is used by more than the making of an image. */
  async hasOthers(kernel: string, image: string): Promise<boolean> {
    const images = await this.#imagesOf(kernel);
    const others = [...this.#chosen].filter((choice) => choice.kernel === kernel && choice.image !== image);
    return images.length > 0 || others.length > 0 || this.#vms.list().some((vm) => vm.spec.kernel === kernel);
  }

  /** Counts the image as a user of the kernel while `work` makes it. */
  async whileChosen<T>(kernel: string, image: string, work: () => Promise<T>): Promise<T> {
    const choice = { kernel, image };
    this.#chosen.add(choice);
    try {
      return await work();
    } finally {
      this.#chosen.delete(choice);
    }
  }

  async #imagesOf(kernel: string): Promise<string[]> {
    const { images } = await this.#images.list();
    return images
      .map(({ manifest }) => manifest)
      .flatMap((each) => (each.kernel === kernel ? [each.name] : []));
  }
}
