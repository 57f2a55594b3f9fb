import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findBenchmark } from '../benchmarks/registry.js';
import { SAMPLE_TASK, sampleData } from '../evaluation/sample.js';
import { EXIT, UserError } from '../shared/errors.js';
import { systemReason } from '../shared/system-errors.js';
import { printJson, type TaskJson } from './json-output.js';

/** Files of the example, beside the images that its questions are about. */
const FILES = ['task.json', 'questions.csv'];

/** `llavahr task init`: writes a folder with an example that runs as it is, and prints the path of its task file. */
export async function taskInitCommand(folder: string, { json }: { json: boolean }): Promise<number> {
  const example = findBenchmark(join(SAMPLE_TASK, 'task.json'));
  const { questions } = await example.load(SAMPLE_TASK, { protocol: 'llava', images: false });
  const images = new Set(questions.flatMap(({ image }) => image ?? []));
  try {
    await mkdir(folder);
    await mkdir(join(folder, 'images'));
    for (const name of FILES) await copyFile(join(SAMPLE_TASK, name), join(folder, name));
    for (const name of images) {
      await copyFile(join(sampleData('textvqa'), 'train_images', name), join(folder, 'images', name));
    }
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const problem = exists
      ? 'exists already. Name another folder.'
      : `cannot be written: ${systemReason(error, folder)}`;
    throw new UserError(`${folder} ${problem}`, { cause: error });
  }
  const task = join(folder, 'task.json');
  if (json) printJson<TaskJson>({ task });
  else console.log(task);
  return EXIT.done;
}
