import { expect, test } from 'vitest';
import { findings } from './find.ts';
import { textRules } from './rules.ts';

const rules = textRules('/build-farm/agent-7/banger');
const found = (text: string): readonly string[] => findings(text, rules).map(({ rule }) => rule);

test.each([
  ['machine-path', "const log = '/build-farm/log';"],
  ['registry-host', 'fetch("https://registry.npmjs.org/zod")'],
  ['registry-host', 'deb http://deb.debian.org/debian bookworm main'],
  ['disable-needs-reason', '// oxlint-disable-next-line no-control-regex'],
  ['disable-needs-reason', '// eslint-disable-line no-control-regex --'],
  ['disable-needs-reason', '  /* oxlint-disable */'],
  ['disable-needs-reason', '// @ts-expect-error'],
  ['disable-needs-reason', '# shellcheck disable=SC2086'],
])('%s: %s', (rule, text) => {
  expect(found(text)).toEqual([rule]);
});

test.each([
  '/tmp/banger-runtime-1000',
  'git clone into /root/repo',
  'packages/build-farm/src',
  '/build-farmers',
  'a Debian package, an npm package',
  '// oxlint-disable-next-line no-control-regex -- guest text may hold any control character',
  '# shellcheck disable=SC2086 # package names are to be split',
])('allowed: %s', (text) => {
  expect(found(text)).toEqual([]);
});

test('a checkout in a directory that every machine has is known by its whole path', () => {
  const inTmp = textRules('/tmp/banger');
  expect(findings("'/tmp/banger-runtime-0'", inTmp)).toEqual([]);
  expect(findings("'/tmp/banger/dist'", inTmp)).toHaveLength(1);
});

test('a checkout right below the root tells nothing', () => {
  expect(findings("'/src/main.ts' in packages/*/src/main.ts", textRules('/src'))).toEqual([]);
});

test('lines are counted from one', () => {
  expect(findings('fine\n/build-farm/x\n', rules)).toEqual([
    { rule: 'machine-path', line: 2, message: 'names a path of this one machine' },
  ]);
});
