import { BangerError } from '@banger/contract/error';

/** Work that ends early when the signal fires. */
type Work<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Runs works at the same time. When one fails, or the caller's signal fires, the others are told to end and are waited for; then
 * the first failure is thrown. So whoever undoes what they did finds none of them still at it, as `Promise.all` would leave them.
 */
export async function sideBySide<T extends readonly unknown[]>(
  signal: AbortSignal,
  works: { readonly [K in keyof T]: Work<T[K]> },
): Promise<T> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  let first: { readonly thrown: unknown } | undefined;
  const results = await Promise.all(
    works.map(async (work: Work<unknown>) => {
      try {
        return await work(either);
      } catch (thrown) {
        first ??= { thrown };
        stop.abort(new BangerError('cancelled', 'Something that was done at the same time failed.'));
        return undefined;
      }
    }),
  );
  if (first !== undefined) throw first.thrown;
  return results as readonly unknown[] as T;
}
