import { stringify } from 'csv-stringify/sync';
import type { Host, Software } from './host.js';
import { PUBLISHED_SPEED_SOURCE } from './published-speed.js';
import type { Quantiles } from './quantiles.js';
import { precisionLabel } from './quantised.js';
import { type Align, renderTable } from './table.js';
import type { SpeedRatio, TimedRun, TimedSetting, TimedSummary } from './timed-runs.js';

/** What `llavahr latency` measured; its JSON. */
export interface TimingReport {
  schemaVersion: 1;
  protocol: 'paper' | null;
  host: Host;
  software: Software;
  device: string;
  /** Inside an operator; 0 is every core. */
  threads: number;
  warmup: number;
  /** That were asked for; an interrupted measurement has fewer. */
  repetitions: number;
  interrupted: boolean;
  /** Models were loaded at once and took turns run by run; otherwise in two blocks each. */
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
  /** On a GPU; null where there is none, or it is not known. */
  peakDeviceMemoryBytes: number | null;
  /** tokens/s in the LLaVA-HR paper; only with the paper's protocol. */
  publishedTokensPerSecond: number | null;
  /** How many times as fast the first model is in the same setting; null for the first model. */
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
const GIB = 2 ** 30;

const MODEL_COLUMNS: Column[] = [
  { title: 'model', align: 'left', cell: ({ model }) => model.name },
  { title: 'size (px)', align: 'right', cell: ({ model }) => String(model.resolution) },
  { title: 'visual tokens', align: 'right', cell: ({ model }) => String(model.visualTokens) },
  { title: 'precision', align: 'left', cell: ({ model }) => precisionLabel(model.precision) },
  { title: 'batch', align: 'right', cell: ({ setting }) => String(setting.batchSize) },
  { title: 'prompt', align: 'right', cell: ({ setting }) => String(setting.promptTokens) },
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

/** The measurement as text for a terminal: the machine, times, rates, and how it was measured. */
export function timingTables(report: TimingReport): string {
  return [...header(report), '', stageTable(report), '', rateTable(report), '', ...footer(report)].join('\n');
}

function header({ host, software, device, threads }: TimingReport): string[] {
  const memory = `${(host.memoryBytes / GIB).toFixed(1)} GiB`;
  return [
    `${host.cpu ?? 'unknown CPU'}, ${host.cores} cores, ${memory}, ${host.platform} ${host.release}`,
    `device ${device}, ${threads === 0 ? 'every core' : `${threads} threads`}, onnxruntime ${software.onnxruntime}, ` +
      `Node.js ${software.node}, llavahr ${software.llavahr}`,
  ];
}

/** A line per row and supported quantile; stages that were not measured have no column. */
function stageTable({ rows }: TimingReport): string {
  const of = (row: TimingRow, stage: (typeof STAGES)[number][1]): Quantiles => row.summary.stages[stage];
  const hasPrefill = rows.some((row) => of(row, 'prefill').n > 0);
  const stages = STAGES.filter(
    ([, stage]) => rows.some((row) => of(row, stage).n > 0) && !(stage === 'generate' && hasPrefill),
  );
  const lines = rows.flatMap((row) =>
    QUANTILES.filter((quantile) => of(row, 'total')[quantile] !== null).map((quantile, i) => [
      ...MODEL_COLUMNS.map(({ cell }) => (i === 0 ? cell(row) : '')),
      quantile,
      ...stages.map(([, stage]) => digits(of(row, stage)[quantile])),
    ]),
  );
  return renderTable([...MODEL_COLUMNS.map(({ title }) => title), 'ms', ...stages.map(([title]) => title)], lines, [
    ...MODEL_COLUMNS.map(({ align }) => align),
    'left',
    ...stages.map((): Align => 'right'),
  ]);
}

function rateTable({ rows, protocol, device }: TimingReport): string {
  const rate = (title: string, of: keyof TimedSummary['throughput']): Column => ({
    ...{ title, align: 'right' },
    cell: ({ summary }) => digits(summary.throughput[of]),
  });
  const first = rows[0]!.model.name;
  const columns: Column[] = [
    ...MODEL_COLUMNS,
    rate('tokens/s', 'tokensPerSecond'),
    rate('decoding tokens/s', 'decodeTokensPerSecond'),
    rate('images/s', 'imagesPerSecond'),
    rate('questions/s', 'questionsPerSecond'),
    { title: 'memory (GiB)', align: 'right', cell: ({ peakMemoryBytes }) => gibibytes(peakMemoryBytes) },
  ];
  if (device !== 'cpu') {
    const cell = ({ peakDeviceMemoryBytes: bytes }: TimingRow) => (bytes === null ? 'unknown' : gibibytes(bytes));
    columns.push({ title: 'device memory (GiB)', align: 'right', cell });
  }
  if (protocol === 'paper') {
    const cell = ({ publishedTokensPerSecond: speed }: TimingRow) => speed?.toFixed(1) ?? NONE;
    columns.push({ title: 'published tokens/s', align: 'right', cell });
  }
  if (rows.some(({ firstModelSpeed }) => firstModelSpeed !== null)) {
    columns.push({ title: `${first} is`, align: 'right', cell: (row) => times(row.firstModelSpeed) });
  }
  if (rows.some(({ publishedFirstModelSpeed }) => publishedFirstModelSpeed !== null)) {
    const cell = ({ publishedFirstModelSpeed: ratio }: TimingRow) => (ratio === null ? NONE : `${ratio.toFixed(2)}x`);
    columns.push({ title: 'published', align: 'right', cell });
  }
  const measured = columns.filter(
    ({ title, cell }) => title !== 'decoding tokens/s' || rows.some((r) => cell(r) !== NONE),
  );
  return renderTable(
    measured.map(({ title }) => title),
    rows.map((row) => measured.map(({ cell }) => cell(row))),
    measured.map(({ align }) => align),
  );
}

function footer({ rows, protocol, warmup, repetitions, interrupted, together }: TimingReport): string[] {
  const models = new Set(rows.map(({ model }) => `${model.name} ${model.resolution}`)).size;
  const order = together ? 'the models taking turns run by run' : 'in two blocks per model, one model loaded at a time';
  const count = Math.min(...rows.map(({ runs }) => runs.length));
  const done = interrupted ? `interrupted: ${count} of ${repetitions} repetitions` : `${repetitions} repetitions`;
  const newTokens = rows[0]!.setting.newTokens;
  const hasPrefill = rows.some(({ summary }) => summary.stages.prefill.n > 0);
  return [
    `${done}, ${warmup} before them for warming up${models > 1 ? `, ${order}` : ''}; ${newTokens} new tokens per question, always all of them.`,
    'Times are of a whole batch: images of 640 x 480 with one question each; prompt is its text tokens.',
    ...(hasPrefill
      ? ['prefill is a run that stops after one token; per token is the rest of the full run over its further tokens.']
      : []),
    'tokens/s is over vision and generating, images/s over image decoding and vision, questions/s over everything.',
    ...(count < 100 ? [`p95 needs 20 repetitions, p99 100.`] : []),
    ...(rows.some(({ model }) => model.randomWeights) ? ['(random): true dimensions, made-up weights.'] : []),
    ...(rows.some(({ firstModelSpeed }) => firstModelSpeed?.interval)
      ? ['[low, high] is the 95 % interval (bootstrap over pairs of runs).']
      : []),
    ...(protocol === 'paper'
      ? [
          "Protocol of LLaVA-HR's model_speed.py: one image, 10 new tokens, vision included, image decoding left out.",
          `Published: ${PUBLISHED_SPEED_SOURCE}; its LLaVA-1.5 was trained anew, at 1,022 px with resampled positions.`,
        ]
      : []),
  ];
}

/** CSV (RFC 4180): a row per repetition, milliseconds in full precision. */
export function timingCsv({ rows, device }: TimingReport): string {
  const records = rows.flatMap(({ model, setting, runs }) =>
    runs.map((run, i) => ({
      ...{ model: model.name, resolution: model.resolution, visual_tokens: model.visualTokens },
      ...{ precision: model.precision, device, batch_size: setting.batchSize, prompt_tokens: setting.promptTokens },
      ...{ new_tokens: setting.newTokens, repetition: i + 1, decode_image_ms: run.decodeImageMs },
      ...{ vision_ms: run.visionMs, prefill_ms: run.prefillMs, generate_ms: run.generateMs },
    })),
  );
  return stringify(records, { header: true, record_delimiter: 'windows', escape_formulas: true });
}

/** Three significant digits: repetitions rarely agree in more. */
function digits(value: number | null): string {
  if (value === null) return NONE;
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

function gibibytes(bytes: number | null): string {
  return bytes === null ? NONE : (bytes / GIB).toFixed(1);
}

function times(speed: SpeedRatio | null): string {
  if (speed === null) return NONE;
  const { ratio, interval } = speed;
  return `${ratio.toFixed(2)}x as fast${interval ? ` [${interval.low.toFixed(2)}, ${interval.high.toFixed(2)}]` : ''}`;
}
