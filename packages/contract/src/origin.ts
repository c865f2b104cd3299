import { z } from 'zod';

/** Where a value came from, the one that wins first; the image wins over what is no flag where its root disk needs more. */
export const originSchema = z.enum(['flag', 'env', 'config', 'host', 'image', 'default']);
export type Origin = z.infer<typeof originSchema>;
