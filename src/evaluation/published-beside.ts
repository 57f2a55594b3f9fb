import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import { publishedModel, publishedScores } from '../benchmarks/published.js';
import { questionsOfSplit } from '../benchmarks/shared/splits.js';
import type { PublishedReference } from '../results/reports/compare.js';
import type { RunResult } from '../results/runs/load-run.js';
import { convModeOf } from '../results/runs/run-names.js';
import { UserError } from '../shared/errors.js';
import { definitionOfRun } from './run-definition.js';

/**
 * Published score of a run's model on its benchmark. Of several, the first whose settings match the run; if none match, the
 * first, with its mismatches. Null if nothing is published.
 */
export function publishedBeside({ record, metrics }: RunResult): PublishedReference | null {
  const { model, protocol, generation } = record.identity;
  const name = publishedModel(model.name) ?? model.name;
  const definition = knownDefinition(record);
  const references = (definition?.published ?? publishedScores(metrics.benchmark))
    .filter((published) => published.model === name)
    .map(({ score, source, note, split, resolution, protocol: theirs }): PublishedReference => {
      const mismatches = [
        ...(split === metrics.split ? [] : [`split ${split}`]),
        ...(resolution === model.resolution ? [] : [`${resolution} px`]),
        ...(theirs === null || theirs.name === (protocol['protocol'] ?? 'llava') ? [] : [`protocol ${theirs.name}`]),
        ...(theirs === null || metrics.benchmark !== 'textvqa' || theirs.ocrTokens === protocol['ocrTokens']
          ? []
          : [theirs.ocrTokens ? 'with OCR tokens' : 'without OCR tokens']),
        ...(convModeOf(generation).length === 0 ? [] : ['the conversation template vicuna_v1']),
        ...(protocol['maxNewTokens'] === undefined ? [] : ["the benchmark's own limit of new tokens"]),
        ...questionMismatch(definition, metrics),
        ...(metrics.judge === undefined || isGpt4(metrics.judge.model) ? [] : ['grades of GPT-4']),
      ];
      return { score, source, note, mismatches };
    });
  return references.find(({ mismatches }) => mismatches.length === 0) ?? references[0] ?? null;
}

/** The judge of all published numbers, not one of its successors; servers may put the maker's name before its own. */
function isGpt4(judge: string): boolean {
  return /^(.*\/)?gpt-4(-32k)?(-0\d{3})?$/i.test(judge);
}

/** A sample or the first n questions are not comparable with the whole benchmark. */
function questionMismatch(definition: BenchmarkDefinition | null, { split, n }: RunResult['metrics']): string[] {
  const questions = (definition && questionsOfSplit(definition, split)) ?? n;
  return questions === n ? [] : [`${questions} questions`];
}

/** null for a task file that is not there any more, and for a benchmark of another version. */
function knownDefinition(record: RunResult['record']): BenchmarkDefinition | null {
  try {
    return definitionOfRun(record);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
