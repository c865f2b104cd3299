/** Versions of the two forms of an access control list (include/uapi/linux/posix_acl_xattr.h, fs/ext4/acl.h). */
const XATTR_VERSION = 2;
const DISK_VERSION = 1;
const HEADER_BYTES = 4;
const XATTR_ENTRY_BYTES = 8;
/** On disk only the entries of a named user or group carry an id. */
const SHORT_ENTRY_BYTES = 4;
const TAGS_WITH_ID = new Set([0x02, 0x08]);
const TAGS_WITHOUT_ID = new Set([0x01, 0x04, 0x10, 0x20]);
/** ACL_UNDEFINED_ID. */
const NO_ID = Buffer.alloc(XATTR_ENTRY_BYTES - SHORT_ENTRY_BYTES, 0xff);

/**
 * A POSIX access control list as ext4 stores it, from the form that getxattr(2) gives and archives carry. Undefined when it is damaged or of
 * another version.
 */
export function diskAcl(value: Buffer): Buffer | undefined {
  const entries = (value.length - HEADER_BYTES) / XATTR_ENTRY_BYTES;
  if (!Number.isInteger(entries) || entries < 1 || value.readUInt32LE(0) !== XATTR_VERSION) return undefined;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(DISK_VERSION);
  const parts: Buffer[] = [header];
  for (let at = HEADER_BYTES; at < value.length; at += XATTR_ENTRY_BYTES) {
    const tag = value.readUInt16LE(at);
    if (TAGS_WITH_ID.has(tag)) parts.push(value.subarray(at, at + XATTR_ENTRY_BYTES));
    else if (TAGS_WITHOUT_ID.has(tag)) parts.push(value.subarray(at, at + SHORT_ENTRY_BYTES));
    else return undefined;
  }
  return Buffer.concat(parts);
}

/** The form that getxattr(2) gives, from a list that `diskAcl` made. */
export function xattrAcl(disk: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(XATTR_VERSION);
  const parts: Buffer[] = [header];
  for (let at = HEADER_BYTES; at < disk.length;) {
    const hasId = TAGS_WITH_ID.has(disk.readUInt16LE(at));
    const bytes = hasId ? XATTR_ENTRY_BYTES : SHORT_ENTRY_BYTES;
    parts.push(disk.subarray(at, at + bytes));
    if (!hasId) parts.push(NO_ID);
    at += bytes;
  }
  return Buffer.concat(parts);
}
