// Runs the compiled tests (all of dist/test, or those whose path contains an argument) and ends with a plain count.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'test');
const wanted = process.argv.slice(2);
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js') && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
  .map((file) => join(root, file));

// What tests leave behind goes with the run.
const temporary = mkdtempSync(join(tmpdir(), 'llavahr-tests-'));
process.env.TMPDIR = temporary;

const counts = { passed: 0, failed: 0, skipped: 0 };
const isFile = ({ name }) => files.includes(name);
// `concurrency: true` would leave a core unused, which is half of two.
const stream = run({ files, concurrency: availableParallelism() });
stream.on('test:pass', (data) => {
  if (data.skip !== undefined) counts.skipped++;
  else if (!isFile(data)) counts.passed++;
});
stream.on('test:fail', () => counts.failed++);
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  setImmediate(() => {
    rmSync(temporary, { recursive: true, force: true });
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
    console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`);
    process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
  });
});
