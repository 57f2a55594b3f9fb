import type { SplitInfo } from '../benchmarks/benchmark.js';
import { BENCHMARKS } from '../benchmarks/registry.js';
import { EXIT } from '../errors.js';
import { type Align, renderTable } from '../results/table.js';

const UNKNOWN = '-';

const HEADERS = ['benchmark', 'split', 'questions', 'images', 'per image', 'metric', 'scored', 'note'];
const ALIGN: Align[] = ['left', 'left', 'right', 'right', 'right', 'left', 'left', 'left'];

/** How a split gets its score, for the table. */
const SCORED: Record<SplitInfo['scored'], string> = { here: 'here', server: 'by a server', judge: 'by a judge' };

/** `llavahr list`: every benchmark with its splits; the first split is the default. */
export async function listCommand({ json }: { json: boolean }): Promise<number> {
  console.log(json ? JSON.stringify(listRecords(), null, 2) : listTable());
  return EXIT.done;
}

function listTable(): string {
  const rows = BENCHMARKS.flatMap(({ name, metric, splits }) =>
    splits.map((split) => [
      name,
      split.name,
      split.questions.toLocaleString('en-US'),
      split.images?.toLocaleString('en-US') ?? UNKNOWN,
      questionsPerImage(split)?.toFixed(1) ?? UNKNOWN,
      metric,
      SCORED[split.scored],
      split.note ?? '',
    ]),
  );
  return renderTable(HEADERS, rows, ALIGN);
}

function listRecords(): object[] {
  return BENCHMARKS.map(({ name, title, metric, splits }) => ({
    ...{ name, title, metric },
    splits: splits.map((split) => ({ ...split, questionsPerImage: questionsPerImage(split) })),
  }));
}

function questionsPerImage({ questions, images }: SplitInfo): number | null {
  return images === null ? null : questions / images;
}
