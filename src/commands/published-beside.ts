import { publishedModel, publishedScores } from '../benchmarks/published.js';
import { BENCHMARKS } from '../benchmarks/registry.js';
import type { PublishedReference } from '../results/reports/compare.js';
import type { RunResult } from '../results/runs/load-run.js';

/**
 * What is published about a run's model on its benchmark: of several numbers the first that the run can be set against,
 * or else the first, with what differs. null when nothing is.
 */
export function publishedBeside({ record, metrics }: RunResult): PublishedReference | null {
  const { model, protocol } = record.identity;
  const name = publishedModel(model.name);
  if (name === null) return null;
  const references = publishedScores(metrics.benchmark)
    .filter((published) => published.model === name)
    .map(({ score, source, note, split, resolution, protocol: theirs }): PublishedReference => {
      const mismatches = [
        ...(split === metrics.split ? [] : [`split ${split}`]),
        ...(resolution === model.resolution ? [] : [`${resolution} px`]),
        ...(theirs.name === (protocol['protocol'] ?? 'llava') ? [] : [`protocol ${theirs.name}`]),
        ...(metrics.benchmark !== 'textvqa' || theirs.ocrTokens === protocol['ocrTokens']
          ? []
          : [theirs.ocrTokens ? 'with OCR tokens' : 'without OCR tokens']),
        ...questionMismatch(metrics),
      ];
      return { score, source, note, mismatches };
    });
  return references.find(({ mismatches }) => mismatches.length === 0) ?? references[0] ?? null;
}

/** A sample or the first questions of a benchmark are not the benchmark. */
function questionMismatch({ benchmark, split, n }: RunResult['metrics']): string[] {
  const official = BENCHMARKS.find(({ name }) => name === benchmark)?.splits.find(({ name }) => name === split);
  return official && official.questions !== n ? [`${official.questions} questions`] : [];
}
