import type { Xattr } from '../../ext4/xattrs.ts';
import { invalidImage } from '../invalid.ts';

/** Keywords of star, GNU tar and Go: the name as it is, the value as it is. */
const SCHILY = 'SCHILY.xattr.';
/** Keywords of libarchive, which often writes both: the name URL-encoded, the value in Base64. */
const LIBARCHIVE = 'LIBARCHIVE.xattr.';

/** What the kernel lets through (XATTR_NAME_MAX, XATTR_SIZE_MAX). */
const MAX_NAME_BYTES = 255;
const MAX_VALUE_BYTES = 65_536;

/** What Linux keeps on a disk. Others are of other systems, such as com.apple.provenance in archives made on a Mac, and mean nothing here. */
const KEPT = /^(?:user\..|trusted\..|security\..|system\.posix_acl_(?:access|default)$)/s;
/** A label of the policy of the machine that made the archive: where another policy or none is, it is wrong. Other readers drop it too. */
const DROPPED = 'security.selinux';

/** Adds the xattr that a record holds, if it holds one. Throws `image_invalid`. */
export function addPaxXattr(xattrs: Xattr[], key: string, value: Buffer): void {
  const plain = key.startsWith(SCHILY);
  if (!plain && !key.startsWith(LIBARCHIVE)) return;
  const name = plain ? key.slice(SCHILY.length) : urlDecoded(key.slice(LIBARCHIVE.length));
  if (!KEPT.test(name) || name === DROPPED) return;
  const bytes = plain ? Buffer.from(value) : Buffer.from(value.toString('latin1'), 'base64');
  if (name.length > MAX_NAME_BYTES || name.includes('\0') || bytes.length > MAX_VALUE_BYTES)
    throw invalidImage(
      `An archive has an xattr that Linux cannot have: ${name.length} bytes of name and ${bytes.length} of value.`,
    );
  const at = xattrs.findIndex((xattr) => xattr.name.toString('latin1') === name);
  if (at === -1) xattrs.push({ name: Buffer.from(name, 'latin1'), value: bytes });
  else if (plain) xattrs[at] = { name: Buffer.from(name, 'latin1'), value: bytes };
}

function urlDecoded(name: string): string {
  return name.replace(/%([\dA-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
