import { createHash } from 'node:crypto';
import type { Digest } from '../oci/digest.ts';
import type { Respond } from './loopback-server.suite.ts';

const MIB = 1024 ** 2;
export const OCI = 'application/vnd.oci.image';

/** The digest as it stands in a descriptor. */
export const digestOf = (bytes: string | Buffer): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The content of its one layer. */
export const layer = Buffer.alloc(3 * MIB, 'layer');
export const config = JSON.stringify({
  os: 'linux',
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
});
export const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: `${OCI}.manifest.v1+json`,
  config: { mediaType: `${OCI}.config.v1+json`, digest: digestOf(config), size: config.length },
  layers: [{ mediaType: `${OCI}.layer.v1.tar+gzip`, digest: digestOf(layer), size: layer.length }],
});
export const layerPath = `/v2/team/app/blobs/${digestOf(layer)}`;
/** The image as a registry has it, by path. */
export const files = new Map<string, string | Buffer>([
  ['/v2/team/app/manifests/1', manifest],
  [`/v2/team/app/manifests/${digestOf(manifest)}`, manifest],
  [`/v2/team/app/blobs/${digestOf(config)}`, config],
  [layerPath, layer],
]);

/** A registry that does as it should. */
export const good: Respond = ({ url, range }, response) => {
  const body = files.get(url);
  if (body === undefined) return void response.writeHead(404).end();
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  if (url.includes('/manifests/'))
    response.setHeader(
      'content-type',
      `${OCI}.${body.includes('"manifests"') ? 'index' : 'manifest'}.v1+json`,
    );
  if (range === undefined) response.writeHead(200, { 'content-length': body.length });
  else
    response.writeHead(206, {
      'content-length': body.length - from,
      'content-range': `bytes ${from}-${body.length - 1}/${body.length}`,
    });
  response.end(body.slice(from));
};

/** The good registry, but for what begins with a path. */
export const except =
  (path: string, respond: Respond): Respond =>
  (request, response) =>
    (request.url.startsWith(path) ? respond : good)(request, response);
