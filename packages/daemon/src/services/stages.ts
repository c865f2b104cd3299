import type { Logger } from 'pino';
import type { StageProgress } from '../domain/stage-progress.ts';
import { tell } from './operation.ts';

/** Passes a driver's stages on to the operation's client; each is told and logged with its time as soon as it is over. */
export async function inStages<T>(
  log: Logger,
  work: (onProgress: (progress: StageProgress) => void) => Promise<T>,
): Promise<T> {
  let open: { readonly stage: string; readonly since: number } | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const ms = performance.now() - open.since;
    log.info({ stage: open.stage, ms: Math.round(ms) }, 'stage');
    tell({ stage: open.stage, ms });
    open = undefined;
  };
  try {
    return await work((progress) => {
      const { stage, level = 'stage' } = progress;
      if (level === 'stage' && stage !== open?.stage) {
        close();
        open = { stage, since: performance.now() };
      }
      tell(progress);
    });
  } finally {
    close();
  }
}
