import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { projectRoot } from '../fixtures.js';
import { commandsOf } from './documents.js';

/** What a reader of the walk-through does: writes a file, runs a command, or looks for lines in the output. */
type Step = { write: string; text: string } | { run: string[] } | { expect: string[] };

const folder = await mkdtemp(join(tmpdir(), 'llavahr-walk-'));
after(() => rm(folder, { recursive: true }));

/** The steps between two headings: fenced blocks with a path are files, those marked `text` are output. */
function stepsOf(document: string, from: string, to: string): Step[] {
  const steps: Step[] = [];
  let fence: { language: string; path: string; lines: string[] } | null = null;
  for (const line of document.slice(document.indexOf(from), document.indexOf(to)).split('\n')) {
    const [, language, path] = /^```(\w*) ?(.*)$/.exec(line) ?? [];
    if (fence && language !== undefined) {
      if (fence.path !== '') steps.push({ write: fence.path, text: `${fence.lines.join('\n')}\n` });
      else if (fence.language === 'text') steps.push({ expect: fence.lines });
      fence = null;
    } else if (fence) fence.lines.push(line);
    else if (language !== undefined) fence = { language, path: path!, lines: [] };
    else if (line.startsWith('    error: ')) steps.push({ expect: [line.trim()] });
    else if (line.startsWith('    llavahr ')) steps.push(...commandsOf(line.trim()).map((run) => ({ run })));
  }
  return steps;
}

async function run(args: readonly string[]): Promise<string> {
  const env = { ...process.env, COLUMNS: '', LLAVAHR_CACHE: join(folder, 'cache') };
  const command = [join(projectRoot, 'bin', 'llavahr'), ...args];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, command, { cwd: folder, env }).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  return `${stdout}${stderr}`;
}

const single = (text: string): string => text.replaceAll(/ +/g, ' ');

test('the walk-through of adding a benchmark works to the letter', async () => {
  const document = await readFile(join(projectRoot, 'docs', 'adding-a-benchmark.md'), 'utf8');
  const steps = stepsOf(document, '## A benchmark in ten minutes', '## A published benchmark');
  assert.ok(steps.filter((step) => 'run' in step).length >= 7);
  let output = '';
  for (const step of steps) {
    if ('write' in step) await writeFile(join(folder, step.write), step.text);
    else if ('run' in step) {
      output = await run(step.run.slice(1));
      assert.doesNotMatch(output, /^error: /m);
    } else {
      if (step.expect[0]!.startsWith('error: ')) output = await withMistake();
      for (const line of step.expect) {
        const parts = line.split('[...]').map(single);
        for (const part of parts) assert.ok(single(output).includes(part), `${part}\nnot in\n${output}`);
      }
    }
  }
});

/** The mistake that the walk-through describes. */
async function withMistake(): Promise<string> {
  const task = join(folder, 'my-signs', 'task.json');
  await cp(task, `${task}.good`);
  await writeFile(task, (await readFile(task, 'utf8')).replace('"metric": "choice"', '"metric": "choices"'));
  const output = await run(['show', 'my-signs/task.json']);
  await cp(`${task}.good`, task);
  return output;
}
