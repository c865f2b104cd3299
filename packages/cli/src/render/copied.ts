import { bytesText } from './units.ts';
import type { Renderer } from './view.ts';

/** `vm cp`. */
export const renderCopied: Renderer<'copied'> = ({ files, directories, links, bytes }, { quiet }) => {
  if (quiet) return '';
  const counts = [counted(files, 'file', 'files'), counted(directories, 'directory', 'directories')];
  const parts = [...counts, counted(links, 'link', 'links')].filter((part) => part !== '');
  return `copied ${parts.length === 0 ? 'nothing' : parts.join(', ')} (${bytesText(bytes)})`;
};

function counted(count: number, one: string, many: string): string {
  return count === 0 ? '' : `${count} ${count === 1 ? one : many}`;
}
