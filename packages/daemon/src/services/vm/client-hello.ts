/**
 * A greeting by which any server of TLS 1.2 or 1.3 is known: to its first two bytes of an answer, a handshake or an alert, no more of the
 * protocol is needed. Fixed bytes: nothing is kept secret by it, and nothing that comes back is parsed. It asks for `localhost`, to which
 * most certificates for development belong, and for HTTP (RFC 8446, section 4.1.2).
 */
export const clientHello = record(0x16, Buffer.concat([Buffer.of(0x01), sized(3, hello())]));

/** Handshake and alert (RFC 8446, section 5.1); every version since SSL 3 begins with a 3. */
const HANDSHAKE = 0x16;
const ALERT = 0x15;
const MAJOR_VERSION = 3;

/** Bytes of an answer that tell whether it is TLS. */
export const TLS_PREFIX_BYTES = 2;

/** Whether an answer begins as one of TLS does. */
export function isTlsAnswer(bytes: Uint8Array): boolean {
  return (bytes[0] === HANDSHAKE || bytes[0] === ALERT) && bytes[1] === MAJOR_VERSION;
}

function hello(): Buffer {
  const name = Buffer.from('localhost');
  const protocol = Buffer.from('http/1.1');
  return Buffer.concat([
    hex('0303'), // TLS 1.2, by which 1.3 goes as well
    Buffer.alloc(32, 'banger'), // "random"
    sized(1, hex('')), // no session
    // AES-128-GCM, AES-256-GCM and ChaCha20 of 1.3; ECDHE with each and both kinds of certificates, RSA, and CBC for the old, of 1.2
    sized(2, hex('130113021303c02bc02fc02cc030cca9cca8009c009dc013c014c009c00a002f0035')),
    sized(1, hex('00')), // no compression
    sized(
      2,
      Buffer.concat([
        extension(0, sized(2, Buffer.concat([hex('00'), sized(2, name)]))), // server_name
        extension(10, sized(2, hex('001d001700180019'))), // supported_groups: X25519, P-256, P-384, P-521
        extension(11, sized(1, hex('00'))), // ec_point_formats: uncompressed
        extension(13, sized(2, hex('0403050306030807080408050806040105010601'))), // signature_algorithms
        extension(16, sized(2, sized(1, protocol))), // application_layer_protocol_negotiation
        extension(43, sized(1, hex('03040303'))), // supported_versions: 1.3, 1.2
        extension(51, sized(2, hex(''))), // key_share: none, so that a server of 1.3 asks for one, which is an answer
      ]),
    ),
  ]);
}

function record(type: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(type), hex('0301'), sized(2, content)]);
}

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([hex(type.toString(16).padStart(4, '0')), sized(2, content)]);
}

/** The content after its length, which takes so many bytes. */
function sized(lengthBytes: number, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}

function hex(digits: string): Buffer {
  return Buffer.from(digits, 'hex');
}
