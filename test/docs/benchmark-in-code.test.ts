import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { BenchmarkDefinition } from '../../src/benchmarks/benchmark.js';
import { projectRoot, TYPESCRIPT } from '../fixtures.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-code-'));
after(() => rm(folder, { recursive: true }));

/** The benchmark of docs/adding-a-benchmark.md, compiled against the project's own modules. */
async function compiledExample(): Promise<BenchmarkDefinition> {
  const page = readFileSync(join(projectRoot, 'docs', 'adding-a-benchmark.md'), 'utf8');
  const [, source] = /^```ts\n(.*?)^```$/ms.exec(page)!;
  const modules = join(projectRoot, 'dist', 'src');
  const text = source!
    .replaceAll("from '../", `from '${modules}/`)
    .replaceAll("from './", `from '${modules}/benchmarks/`);
  await writeFile(join(folder, 'colours.mts'), text);
  const own = JSON.parse(readFileSync(join(projectRoot, 'tsconfig.json'), 'utf8')) as { compilerOptions: object };
  const { rootDir: _, outDir: __, ...strict } = own.compilerOptions as Record<string, unknown>;
  const compilerOptions = { ...strict, declaration: false, typeRoots: [join(projectRoot, 'node_modules', '@types')] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['colours.mts'] }));
  const { stdout } = await promisify(execFile)(process.execPath, [TYPESCRIPT, '-p', folder]).catch(
    (error) => error as { stdout: string },
  );
  assert.equal(stdout, '');
  const { colours } = (await import(pathToFileURL(join(folder, 'colours.mjs')).href)) as {
    colours: BenchmarkDefinition;
  };
  return colours;
}

test('the benchmark in code of adding-a-benchmark.md has the types of the project, and scores', async () => {
  const colours = await compiledExample();
  const data = join(folder, 'data');
  await mkdir(join(data, 'images'), { recursive: true });
  const lines = ['red', 'blue'].map((answer, i) =>
    JSON.stringify({ question_id: i, image: 'a.png', question: 'Which colour?', answer }),
  );
  await writeFile(join(data, 'questions.jsonl'), `${lines.join('\n')}\n`);
  const { questions, images, score } = await colours.load(data, { protocol: 'llava' });
  await images.close();
  assert.equal(questions[1]!.text, 'Which colour?\nAnswer the question using a single word or phrase.');
  assert.equal(score([' red\n', 'green'])!.scores['accuracy'], 50);
  assert.equal(score([' red\n', 'green'], [0])!.scores['accuracy'], 100);
});
