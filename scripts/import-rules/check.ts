import { globSync } from 'node:fs';
import { join } from 'node:path';
import { cruiseImports } from './cruise.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = ['packages', 'scripts', 'e2e', 'bench'];

const folders = FOLDERS.filter((folder) => globSync(`${folder}/**/*.ts`, { cwd: ROOT }).length > 0);
const report = await cruiseImports(ROOT, folders);

/** A checker without a working TypeScript parser reads nothing and finds nothing: that is no pass. */
const seen = new Set(report.modules);
const unseen = globSync('packages/*/src/**/*.ts', { cwd: ROOT }).filter((file) => !seen.has(file));

for (const { rule, from, to } of report.violations) console.error(`${rule}: ${from} -> ${to}`);
for (const file of unseen) console.error(`not seen by the import checker: ${file}`);
console.log(
  `${report.rules.length} import rules, ${report.modules.length} modules, ` +
    `${report.violations.length} violations, ${unseen.length} files not seen`,
);
if (report.violations.length > 0 || unseen.length > 0 || seen.size === 0) process.exitCode = 1;
