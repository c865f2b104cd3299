import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findings } from './find.ts';
import { textRules } from './rules.ts';

const root = join(import.meta.dirname, '../..');
const rules = textRules(root);

/** What git has or would add; a file with a NUL byte is no text. */
const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
})
  .toString('utf8')
  .split('\0')
  // A deleted file that git still has, and the texts that prove the rules, which break them all.
  .filter((file) => file !== '' && existsSync(join(root, file)) && file !== 'scripts/texts/rules.test.ts');

let found = 0;
let read = 0;
for (const file of files) {
  const text = readFileSync(join(root, file), 'utf8');
  if (text.includes('\0')) continue;
  read += 1;
  for (const { rule, line, message } of findings(text, rules)) {
    found += 1;
    console.error(`${file}:${line}: ${rule}: ${message}`);
  }
}
console.log(`${read} files, ${found} findings`);
if (found > 0 || read === 0) process.exitCode = 1;
