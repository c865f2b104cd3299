import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeLayout } from '@banger/daemon/drivers/image/oci/layout.suite';
import { archive, type Written } from '@banger/daemon/drivers/image/oci/tar/archive.suite';

/** Commands that are links to the one program of the image. */
const APPLETS = ['sh', 'cat', 'echo', 'env', 'id', 'ls', 'pwd', 'sleep', 'uname'];

/** The entries of an image with busybox and nothing else. */
function busyboxTree(): readonly Written[] {
  const busybox = execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim();
  return [
    { name: 'bin/busybox', content: readFileSync(busybox), mode: 0o755 },
    ...APPLETS.map((name) => ({ name: `bin/${name}`, type: '2', link: 'busybox' })),
    { name: 'etc/passwd', content: 'root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n' },
    { name: 'etc/group', content: 'root:x:0:\nme:x:1000:\n' },
    { name: 'root/from-the-image', content: 'hello\n' },
  ];
}

/** Writes it as a layout with an image `image`, and answers that as banger and skopeo name it. */
export function busyboxLayout(directory: string, config: Readonly<Record<string, unknown>> = {}): string {
  const layers = [archive(busyboxTree()), archive([{ name: 'etc/motd', content: 'the newer layer\n' }])];
  writeLayout(directory, layers, { config });
  return `oci:${directory}:image`;
}
