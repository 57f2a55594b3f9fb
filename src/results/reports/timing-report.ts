import { min } from 'simple-statistics';
import { byteSize, gigabytes } from '../../shared/byte-size.js';
import { countOf } from '../../shared/count-of.js';
import { visibleLine } from '../../shared/visible-text.js';
import { wrapText } from '../../shared/wrap-text.js';
import { heading, terminalWidth } from '../../terminal/style.js';
import { type Align, renderTable } from '../../terminal/table.js';
import type { Host, Software } from '../runs/host.js';
import { columnFormat } from '../statistics/digits.js';
import type { Quantiles } from '../statistics/quantiles.js';
import { PUBLISHED_SPEED_SOURCE } from './published-speed.js';
import { precisionLabel } from './quantised.js';
import { tidyCsv } from './tidy-csv.js';
import type { SpeedRatio, TimedRun, TimedSetting, TimedSummary } from './timed-runs.js';

/** Result of `llavahr latency`, printed by --json. */
export interface TimingReport {
  schemaVersion: 1;
  protocol: 'paper' | null;
  host: Host;
  software: Software;
  device: string;
  /** Threads within an operator; 0 uses every core. */
  threads: number;
  warmup: number;
  /** Requested repetitions; an interrupted measurement has fewer. */
  repetitions: number;
  interrupted: boolean;
  /** Whether models were loaded at once and alternated run by run; otherwise in two blocks each. */
  together: boolean;
  rows: TimingRow[];
}

/** One model in one setting. */
export interface TimingRow {
  model: {
    name: string;
    resolution: number;
    visualTokens: number;
    precision: string;
    randomWeights: boolean;
  };
  setting: TimedSetting;
  summary: TimedSummary;
  peakMemoryBytes: number | null;
  /** On a GPU; null without one, or if unknown. */
  peakDeviceMemoryBytes: number | null;
  /** tokens/s published in the LLaVA-HR paper; only with the paper's protocol. */
  publishedTokensPerSecond: number | null;
  /** Speed of the first model divided by this one's, in the same setting; null for the first model. */
  firstModelSpeed: SpeedRatio | null;
  publishedFirstModelSpeed: number | null;
  runs: TimedRun[];
}

interface Column {
  title: string;
  align: Align;
  cell(row: TimingRow): string;
}

const NONE = '-';

const MODEL: Column[] = [
  { title: 'model', align: 'left', cell: ({ model }) => model.name },
  { title: 'size (px)', align: 'right', cell: ({ model }) => String(model.resolution) },
];
const VISUAL_TOKENS: Column = {
  title: 'visual tokens',
  align: 'right',
  cell: ({ model }) => String(model.visualTokens),
};

/** A setting that is a column if rows differ in it, and otherwise part of the header. */
type SettingColumn = Column & { words(entry: string): string };

const PRECISION: SettingColumn = {
  title: 'precision',
  align: 'left',
  cell: ({ model }) => precisionLabel(model.precision),
  words: (precision) => precision,
};
const SETTINGS: SettingColumn[] = [
  PRECISION,
  {
    title: 'batch',
    align: 'right',
    cell: ({ setting }) => String(setting.batchSize),
    words: (images) => `batch size ${images}`,
  },
  {
    title: 'prompt',
    align: 'right',
    cell: ({ setting }) => String(setting.promptTokens),
    words: (tokens) => `${tokens} text tokens per prompt`,
  },
];

const STAGES = [
  ['image', 'decodeImage'],
  ['vision', 'vision'],
  ['prefill', 'prefill'],
  ['per token', 'decodePerToken'],
  ['first token', 'firstToken'],
  ['generate', 'generate'],
  ['total', 'total'],
] as const;

const QUANTILES = ['p50', 'p95', 'p99'] as const;

/** The measurement as text for a terminal: machine, times, rates, comparison and method. */
export function timingTables(report: TimingReport): string {
  const comparisons = speedComparisons(report);
  return [
    ...header(report).map((line) => wrapText(line, terminalWidth)),
    '',
    stageTable(report),
    '',
    rateTable(report),
    '',
    ...comparisons.map((line) => wrapText(line, terminalWidth)),
    ...(comparisons.length > 0 ? [''] : []),
    ...footer(report).map((line) => wrapText(line, terminalWidth)),
  ].join('\n');
}

function variedSettings(rows: readonly TimingRow[]): typeof SETTINGS {
  return SETTINGS.filter(({ cell }) => new Set(rows.map(cell)).size > 1);
}

function header({ host, software, device, threads, rows }: TimingReport): string[] {
  const memory = byteSize(host.memoryBytes);
  const varied = variedSettings(rows);
  const shared = SETTINGS.filter((setting) => !varied.includes(setting));
  return [
    `${host.cpu ?? 'unknown CPU'}, ${countOf(host.cores, 'core')}, ${memory}, ${host.platform} ${host.release}`,
    `device ${device}, ${threads === 0 ? 'all cores' : countOf(threads, 'thread')}, onnxruntime ${software.onnxruntime}, ` +
      `Node.js ${software.node}, llavahr ${software.llavahr}`,
    ...(shared.length > 0 ? [shared.map(({ cell, words }) => words(cell(rows[0]!))).join(', ')] : []),
  ];
}

/** One line per row and quantile with enough repetitions; stages that were not measured have no column. */
function stageTable({ rows }: TimingReport): string {
  const of = (row: TimingRow, stage: (typeof STAGES)[number][1]): Quantiles => row.summary.stages[stage];
  const hasPrefill = rows.some((row) => of(row, 'prefill').n > 0);
  const stages = STAGES.filter(
    ([, stage]) => rows.some((row) => of(row, stage).n > 0) && !(stage === 'generate' && hasPrefill),
  );
  const columns = [...MODEL, VISUAL_TOKENS, ...variedSettings(rows)];
  const formats = new Map(stages.map(([, stage]) => [stage, columnFormat(rows.map((row) => of(row, stage).p50))]));
  const lines = rows.flatMap((row) =>
    QUANTILES.filter((quantile) => of(row, 'total')[quantile] !== null).map((quantile, i) => [
      ...columns.map(({ cell }) => (i === 0 ? cell(row) : '')),
      quantile,
      ...stages.map(([, stage]) => cellOf(of(row, stage)[quantile], formats.get(stage)!)),
    ]),
  );
  return renderTable(
    [...columns.map(({ title }) => title), 'ms', ...stages.map(([title]) => title)],
    lines,
    [...columns.map(({ align }) => align), 'left', ...stages.map((): Align => 'right')],
    { keys: columns.length + 1 },
  );
}

function rateTable({ rows, protocol, device }: TimingReport): string {
  const rate = (title: string, of: keyof TimedSummary['throughput']): Column => {
    const format = columnFormat(rows.map(({ summary }) => summary.throughput[of]));
    return { title, align: 'right', cell: ({ summary }) => cellOf(summary.throughput[of], format) };
  };
  const formatTokens = columnFormat(rows.map(({ summary }) => summary.throughput.tokensPerSecond));
  const tokensInterval = ({ summary }: TimingRow): string => {
    const interval = summary.intervals.tokensPerSecond;
    return interval ? `[${formatTokens(interval.low)}, ${formatTokens(interval.high)}]` : '';
  };
  const keys = [...MODEL, ...variedSettings(rows)];
  const columns: Column[] = [
    ...keys,
    rate('tokens/s', 'tokensPerSecond'),
    ...(rows.some(({ summary }) => summary.intervals.tokensPerSecond !== null)
      ? [{ title: '', align: 'left' as const, cell: tokensInterval }]
      : []),
    ...(rows.some(({ summary }) => summary.throughput.decodeTokensPerSecond !== null)
      ? [rate('decoding tokens/s', 'decodeTokensPerSecond')]
      : []),
    rate('images/s', 'imagesPerSecond'),
    rate('questions/s', 'questionsPerSecond'),
    {
      title: 'memory (GB)',
      align: 'right',
      cell: ({ peakMemoryBytes: bytes }) => (bytes === null ? NONE : gigabytes(bytes)),
    },
  ];
  if (device !== 'cpu') {
    const cell = ({ peakDeviceMemoryBytes: bytes }: TimingRow) => (bytes === null ? 'unknown' : gigabytes(bytes));
    columns.push({ title: 'device memory (GB)', align: 'right', cell });
  }
  if (protocol === 'paper') {
    const cell = ({ publishedTokensPerSecond: speed }: TimingRow) => speed?.toFixed(1) ?? NONE;
    columns.push({ title: 'published tokens/s', align: 'right', cell });
  }
  return renderTable(
    columns.map(({ title }) => title),
    rows.map((row) => columns.map(({ cell }) => cell(row))),
    columns.map(({ align }) => align),
    { keys: keys.length },
  );
}

/** A sentence for each row other than the first model's: the speed ratio, measured and published. */
function speedComparisons({ rows }: TimingReport): string[] {
  const nameOf = ({ model }: TimingRow) => visibleLine(`${model.name} at ${model.resolution} px`);
  const varied = variedSettings(rows).filter((setting) => setting !== PRECISION);
  return rows.flatMap((row) => {
    if (row.firstModelSpeed === null) return [];
    const { ratio, interval } = row.firstModelSpeed;
    const isNoise = interval !== null && interval.low <= 1 && interval.high >= 1;
    const range = interval ? ` [${interval.low.toFixed(2)}, ${interval.high.toFixed(2)}]` : '';
    const published = row.publishedFirstModelSpeed;
    return [
      `${varied.map(({ cell, words }) => `${words(cell(row))}: `).join('')}${nameOf(rows[0]!)} is ` +
        `${heading(`${ratio.toFixed(2)}x${range}`)} as fast as ${nameOf(row)}` +
        (isNoise ? ', no difference beyond the noise' : '') +
        (published === null ? '' : ` (published: ${published.toFixed(2)}x)`),
    ];
  });
}

function footer({ rows, protocol, warmup, repetitions, interrupted, together }: TimingReport): string[] {
  const models = new Set(rows.map(({ model }) => `${model.name} ${model.resolution}`)).size;
  const order = together ? 'models alternating run by run' : 'two blocks per model, one model loaded at a time';
  const count = min(rows.map(({ runs }) => runs.length));
  const done = interrupted
    ? `interrupted: ${count} of ${countOf(repetitions, 'repetition')}`
    : countOf(repetitions, 'repetition');
  const newTokens = rows[0]!.setting.newTokens;
  const hasPrefill = rows.some(({ summary }) => summary.stages.prefill.n > 0);
  return [
    `${done} after ${countOf(warmup, 'warm-up run')}${models > 1 ? `, ${order}` : ''}. Each question generates exactly ${countOf(newTokens, 'token')}.`,
    'Times are for a whole batch of 640 x 480 images with one question each.',
    ...(hasPrefill
      ? [
          'prefill: a run that stops after one token. per token: the rest of the full run divided by its further tokens.',
        ]
      : []),
    'tokens/s covers vision and generation, with a 95 % interval over at least five repetitions; images/s covers image ' +
      'decoding and vision, questions/s everything.',
    ...(rows.some(({ firstModelSpeed }) => firstModelSpeed)
      ? [
          'Speed ratios compare tokens/s; [low, high] is the 95 % interval (bootstrap over at least five pairs of runs).',
        ]
      : []),
    ...(count < 100 ? ['p95 needs 20 repetitions, p99 needs 100.'] : []),
    ...(rows.some(({ model }) => model.randomWeights) ? ['(random): full-size model with random weights.'] : []),
    ...(protocol === 'paper'
      ? [
          "Protocol of LLaVA-HR's model_speed.py: one image, 10 new tokens; vision counts, image decoding does not.",
          `Published: ${PUBLISHED_SPEED_SOURCE}. Its LLaVA-1.5 was retrained, at 1,022 px with resampled positions.`,
        ]
      : []),
  ];
}

/** A row per repetition and stage (`tidyCsv`), milliseconds at full precision; a stage that was not timed has no row. */
export function timingCsv({ rows, device }: TimingReport): string {
  return tidyCsv(
    rows.flatMap(({ model, setting, runs }) =>
      runs.flatMap((run, i) => {
        const about = {
          model: model.name,
          resolution: model.resolution,
          visual_tokens: model.visualTokens,
          precision: model.precision,
          device,
          batch_size: setting.batchSize,
          prompt_tokens: setting.promptTokens,
          new_tokens: setting.newTokens,
          repetition: i + 1,
        };
        const stages: [metric: string, ms: number | null][] = [
          ['decode_image', run.decodeImageMs],
          ['vision', run.visionMs],
          ['prefill', run.prefillMs],
          ['generate', run.generateMs],
        ];
        return stages.flatMap(([metric, value]) => (value === null ? [] : [{ ...about, metric, unit: 'ms', value }]));
      }),
    ),
  );
}

function cellOf(value: number | null, format: (value: number) => string): string {
  return value === null ? NONE : format(value);
}
