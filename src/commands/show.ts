import type { LoadedBenchmark, Protocol } from '../benchmarks/benchmark.js';
import { checkOptions } from '../benchmarks/benchmark-options.js';
import { findBenchmark } from '../benchmarks/registry.js';
import type { ConvMode } from '../model/conversation.js';
import { buildPrompt } from '../model/prompt.js';
import { countOf } from '../shared/count-of.js';
import { EXIT, usageError } from '../shared/errors.js';
import { visibleText } from '../shared/visible-text.js';
import { annotationFolder } from './data-folder.js';
import { printJson, type ShowJson } from './json-output.js';

export interface ShowCommandOptions {
  /** Position in the benchmark's order, from 0. */
  index: number;
  data?: string;
  split?: string;
  protocol?: Protocol;
  ocrTokens?: boolean;
  convMode: ConvMode;
  json: boolean;
}

/** `llavahr show`: prints the exact prompt and the reference answer of one question. */
export async function showCommand(name: string, options: ShowCommandOptions): Promise<number> {
  const { index, split, protocol = 'llava', ocrTokens, convMode, json } = options;
  const definition = findBenchmark(name);
  checkOptions([definition], { split, protocol: options.protocol, ocrTokens });
  const folder = annotationFolder(definition, options.data, split);
  const benchmark = await definition.load(folder, { split, protocol, ocrTokens, images: false });
  await benchmark.images.close();
  const sample = sampleOf(benchmark, index, convMode);
  if (json) printJson<ShowJson>({ ...sample, protocol });
  else console.log(sampleText(sample, benchmark.questions.length));
  return EXIT.done;
}

type ShownSample = Omit<ShowJson, 'schemaVersion' | 'protocol'>;

/** @throws UserError (usage) if the index is out of range */
function sampleOf(
  { name, split, questions, maxNewTokens, gold }: LoadedBenchmark,
  index: number,
  convMode: ConvMode,
): ShownSample {
  const question = questions[index];
  if (!question)
    throw usageError(`--index ${index} is out of range: ${name} ${split} has questions 0 to ${questions.length - 1}.`);
  const { questionId, image, text } = question;
  const prompt = buildPrompt(text, { image: image !== null, convMode });
  return { benchmark: name, split, index, questionId, image, prompt, gold: gold(index), maxNewTokens };
}

function sampleText(
  { benchmark, split, index, questionId, image, prompt, gold, maxNewTokens }: ShownSample,
  count: number,
): string {
  const lines = [
    `${benchmark} ${split}, index ${index} of ${count}, question ${questionId}`,
    `image: ${image ?? 'none'}`,
    `answer: ${gold ?? 'not public'}`,
    `answer limit: ${countOf(maxNewTokens, 'token')}`,
    'prompt:',
    prompt,
  ];
  return visibleText(lines.join('\n'));
}
