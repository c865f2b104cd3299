import { z } from 'zod';
import { vmRefSchema } from './vm.ts';

/** An absolute path in a guest, as raw text (raw-text.ts). */
const guestPathSchema = z.string().min(1).max(4095);

/** A file or tree of a guest as a tree stream (guest/PROTOCOL.md) to the client. */
export const vmCopyOutSchema = z.strictObject({
  vm: vmRefSchema,
  path: guestPathSchema,
  /** A link that the path itself is; links in a tree are never followed. */
  follow: z.boolean(),
});
export type VmCopyOut = z.infer<typeof vmCopyOutSchema>;

/** A tree stream from the client, as a file or tree of a guest. */
export const vmCopyInSchema = z.strictObject({
  vm: vmRefSchema,
  path: guestPathSchema,
  /** Its name in the directory that the path is; without one, what is in the tree goes there. */
  name: z.string().min(1).max(255).optional(),
  /** The path must be a directory. */
  into: z.boolean(),
});
export type VmCopyIn = z.infer<typeof vmCopyInSchema>;

/** How a copy ended; the payload of the last frame of its stream, as JSON. */
export const copyEndSchema = z.object({
  /** Why it is not whole. */
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
});

/** The same of a file that a client has sent. */
export const uploadEndSchema = copyEndSchema.extend({
  /** Its SHA-256, by which it is pulled (`upload:HEX`) until its client leaves. */
  upload: z.string().optional(),
});
export type UploadEnd = z.infer<typeof uploadEndSchema>;
