import { archive, type Written } from './tar/archive.suite.ts';

/** Numbers that follow from a seed (mulberry32, public domain). */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const NAMES = [
  'a',
  'b',
  'c d',
  'e\nf',
  'quote"\'',
  'back\\slash',
  '\xff\xfe',
  '*',
  '-x',
  'l'.repeat(120),
  'm'.repeat(255),
];

/**
 * Layers as tools make them, that use every kind of entry and of change: no directory is left to be made by what is in it, and no hard link leads to
 * what is hidden.
 */
export function randomLayers(seed: number, layers: number, entries: number): Buffer[] {
  const random = seeded(seed);
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
  /** True for a directory. */
  const tree = new Map<string, boolean>();
  const below = (directory: string, name: string): string =>
    directory === '' ? name : `${directory}/${name}`;
  const remove = (path: string): void => {
    for (const name of [...tree.keys()]) if (name === path || name.startsWith(`${path}/`)) tree.delete(name);
  };
  const metadata = (): Partial<Written> => ({
    mode: random(0o10000),
    uid: pick([0, 1000, 65534, 3_000_000]),
    gid: random(5),
    pax: {
      mtime: `${1_600_000_000 + random(1e8)}.${String(random(1e9)).padStart(9, '0')}`,
      ...(random(6) === 0 ? { 'SCHILY.xattr.user.note': `value ${random(100)}` } : {}),
      ...(random(9) === 0
        ? {
            'SCHILY.xattr.security.capability': Buffer.from(
              '0100000200200000000000000000000000000000',
              'hex',
            ),
          }
        : {}),
    },
  });
  return Array.from({ length: layers }, () => {
    const hidden: Written[] = [];
    const written: Written[] = [];
    const own = new Set<string>();
    const directories = (): string[] => [
      '',
      ...[...tree].filter(([, directory]) => directory).map(([name]) => name),
    ];
    const whiteouts = tree.size === 0 ? 0 : random(6);
    for (let at = 0; at < whiteouts && tree.size > 0; at += 1) {
      const path = pick([...tree.keys()]);
      const opaque = tree.get(path) === true && random(2) === 0;
      const parent = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
      hidden.push({
        name: opaque ? `${path}/.wh..wh..opq` : below(parent, `.wh.${path.slice(path.lastIndexOf('/') + 1)}`),
      });
      for (const name of [...tree.keys()])
        if (name.startsWith(`${path}/`) || (name === path && !opaque)) tree.delete(name);
    }
    for (let at = 0; at < entries; at += 1) {
      const again = random(4) === 0 && tree.size > 0;
      const path = again
        ? pick([...tree.keys()])
        : below(pick(directories()), `${pick(NAMES)}${random(30)}`.slice(-255));
      if (own.has(path) || [...own].some((name) => name.startsWith(`${path}/`)) || path.length > 1500)
        continue;
      const kind = pick([
        'file',
        'file',
        'file',
        'file',
        'directory',
        'directory',
        'symlink',
        'link',
        'link',
        'device',
        'fifo',
      ]);
      const files = [...tree].filter(([, directory]) => !directory).map(([name]) => name);
      const target = pick(files);
      if (kind === 'link' && (files.length === 0 || target === path)) continue;
      if (kind !== 'directory' || tree.get(path) !== true) remove(path);
      if (kind === 'link' && !tree.has(target)) continue;
      tree.set(path, kind === 'directory');
      own.add(path);
      const made = metadata();
      if (kind === 'directory') written.push({ name: `${path}/`, type: '5', ...made });
      else if (kind === 'link') written.push({ name: path, type: '1', link: target, ...made });
      else if (kind === 'symlink')
        written.push({
          name: path,
          type: '2',
          link: pick(['x', '/etc/passwd', '../..', 't'.repeat(200)]),
          ...made,
          pax: { mtime: made.pax?.['mtime'] ?? '' },
        });
      else if (kind === 'device')
        written.push({
          name: path,
          type: pick(['3', '4']),
          major: random(200),
          minor: random(200),
          ...made,
          pax: { mtime: made.pax?.['mtime'] ?? '' },
        });
      else if (kind === 'fifo')
        written.push({ name: path, type: '6', ...made, pax: { mtime: made.pax?.['mtime'] ?? '' } });
      else
        written.push({
          name: path,
          ...made,
          content: Buffer.alloc(pick([0, 1, random(5000), random(100_000)]), `content ${random(1000)} `),
        });
    }
    return archive([...hidden, ...written]);
  });
}
