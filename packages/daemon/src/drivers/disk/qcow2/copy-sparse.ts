import type { Runner } from '../../../host/runner.ts';

/** Copies into an existing file, whose mode stays; holes stay holes, and blocks are shared where that is possible. */
export async function copySparse(
  runner: Runner,
  from: string,
  to: string,
  signal?: AbortSignal,
): Promise<void> {
  await runner.run(
    ['cp', '--reflink=auto', '--sparse=always', '--', from, to],
    signal === undefined ? {} : { signal },
  );
}
