import type { BenchmarkDefinition, PublishedScore, SplitInfo } from '../benchmarks/benchmark.js';
import { publishedScores } from '../benchmarks/published.js';
import { BENCHMARKS, PAPER_BENCHMARKS, selectBenchmarks } from '../benchmarks/registry.js';
import { readCatalogue } from '../datasets/catalogue.js';
import { EXIT, usageError } from '../shared/errors.js';
import { wrapText } from '../shared/wrap-text.js';
import { terminalWidth } from '../terminal/style.js';
import { type Align, renderTable } from '../terminal/table.js';
import { type ListJson, type ListPublishedJson, type ListValidateJson, printJson } from './json-output.js';

const UNKNOWN = '-';
const HEADERS = ['benchmark', 'split', 'questions', 'images', 'per image', 'metric', 'scored', 'note'];
const ALIGN: Align[] = ['left', 'left', 'right', 'right', 'right', 'left', 'left', 'left'];

/** Where a split is scored, for the table. */
const SCORED: Record<SplitInfo['scored'], string> = { here: 'locally', server: 'by a server', judge: 'by a judge' };

export interface ListCommandOptions {
  json: boolean;
  published: boolean;
  validate: boolean;
}

/**
 * `llavahr list`: lists all benchmarks and their splits, the default split first; or the published scores; or checks that
 * datasets.json is valid.
 * @param names of benchmarks, or paths of task files (default: all)
 */
export async function listCommand({ json, published, validate }: ListCommandOptions, names?: string): Promise<number> {
  if (validate) {
    if (names !== undefined) throw usageError(`--validate checks the whole datasets.json: leave out ${names}.`);
    const counts = await validateCatalogue();
    if (json) printJson<ListValidateJson>(counts);
    else console.log(validLine(counts));
    return EXIT.done;
  }
  const chosen = names === undefined ? BENCHMARKS : selectBenchmarks(names);
  if (!json) console.log(published ? publishedTables(chosen) : listTable(chosen));
  else if (published) printJson<ListPublishedJson>({ scores: publishedRecords(chosen) });
  else printJson<ListJson>({ benchmarks: listRecords(chosen) });
  return EXIT.done;
}

type CatalogueCounts = Omit<ListValidateJson, 'schemaVersion'>;

/** @throws UserError if datasets.json is invalid */
async function validateCatalogue(): Promise<CatalogueCounts> {
  const { assets, benchmarks, models } = await readCatalogue();
  return {
    benchmarks: benchmarks.length,
    splits: benchmarks.flatMap(({ splits }) => splits).length,
    files: Object.keys(assets).length,
    models: models.length,
  };
}

function validLine({ benchmarks, splits, files, models }: CatalogueCounts): string {
  return `datasets.json is valid: ${benchmarks} benchmarks, ${splits} splits, ${files} files, ${models} models`;
}

function publishedRecords(benchmarks: readonly BenchmarkDefinition[]): PublishedScore[] {
  return benchmarks.flatMap(({ name, published }) => published ?? publishedScores(name));
}

/** A table of the paper's benchmarks and one of the others, since all columns together would be too wide. */
function publishedTables(chosen: readonly BenchmarkDefinition[]): string {
  const others = chosen.filter((benchmark) => !PAPER_BENCHMARKS.includes(benchmark));
  const groups = [chosen.filter((benchmark) => PAPER_BENCHMARKS.includes(benchmark)), others];
  const tables = groups.filter((group) => publishedRecords(group).length > 0).map(publishedTable);
  return tables.length > 0 ? tables.join('\n\n') : 'No published scores are known.';
}

/** One row per model and source, one column per benchmark, followed by the sources, each with the notes on its rows. */
function publishedTable(benchmarks: readonly BenchmarkDefinition[]): string {
  const records = publishedRecords(benchmarks);
  const sources = [...new Set(records.map(sourceText))];
  const lineOf = (record: PublishedScore): string[] => [
    record.model,
    String(record.resolution),
    `[${sources.indexOf(sourceText(record)) + 1}]`,
  ];
  const lines = new Map(records.map((record) => [lineOf(record).join(), lineOf(record)]));
  const names = benchmarks
    .map(({ name }) => name)
    .filter((name) => records.some((record) => record.benchmark === name));
  const rows = [...lines].map(([key, line]) => {
    const own = records.filter((record) => lineOf(record).join() === key);
    return [...line, ...names.map((name) => own.find(({ benchmark }) => benchmark === name)?.score.toString() ?? '')];
  });
  return [
    renderTable(
      ['model', 'size (px)', 'source', ...names],
      rows,
      ['left', 'right', 'left', ...names.map((): Align => 'right')],
      { keys: 3 },
    ),
    '',
    ...sources
      .flatMap((source, i) => [
        `[${i + 1}] ${source}`,
        ...notesOn(records.filter((record) => sourceText(record) === source)).map((line) => `    ${line}`),
      ])
      .map((line) => wrapText(line, terminalWidth)),
  ].join('\n');
}

function sourceText({ source }: PublishedScore): string {
  return `${source.title}: ${source.address}`;
}

/**
 * "vqav2 val, gqa testdev-balanced: the note", one line per note; with the models if it is not on all of the source's.
 * @param records of one source
 */
function notesOn(records: readonly PublishedScore[]): string[] {
  const all = new Set(records.map(({ model }) => model));
  const notes = new Set(records.flatMap(({ note }) => note ?? []));
  return [...notes].map((note) => {
    const noted = records.filter((record) => record.note === note);
    const benchmarks = new Set(noted.map(({ benchmark, split }) => `${benchmark} ${split}`));
    const models = new Set(noted.map(({ model }) => model));
    const of = models.size < all.size ? ` of ${[...models].join(', ')}` : '';
    return `${[...benchmarks].join(', ')}${of}: ${note}`;
  });
}

function listTable(benchmarks: readonly BenchmarkDefinition[]): string {
  const rows = benchmarks.flatMap(({ name, metric, splits }) =>
    splits.map((split) => [
      name,
      split.name,
      split.questions?.toLocaleString('en-US') ?? UNKNOWN,
      split.images?.toLocaleString('en-US') ?? UNKNOWN,
      questionsPerImage(split)?.toFixed(1) ?? UNKNOWN,
      metric,
      SCORED[split.scored],
      split.note ?? '',
    ]),
  );
  return renderTable(HEADERS, rows, ALIGN, { keys: 2 });
}

function listRecords(benchmarks: readonly BenchmarkDefinition[]): ListJson['benchmarks'] {
  return benchmarks.map(({ name, title, metric, splits }) => ({
    name,
    title,
    metric,
    splits: splits.map((split) => ({ ...split, questionsPerImage: questionsPerImage(split) })),
  }));
}

function questionsPerImage({ questions, images }: SplitInfo): number | null {
  return images === null || questions === null ? null : questions / images;
}
