import { gigabytes } from '../../shared/byte-size.js';
import { visibleLine } from '../../shared/visible-text.js';
import { wrapText } from '../../shared/wrap-text.js';
import { terminalWidth } from '../../terminal/style.js';
import { renderTable } from '../../terminal/table.js';
import { describeFailure } from '../runs/failure-counts.js';
import { costText, type LatencySummary, type PartUse, type StageTimes, type Usage } from '../runs/latency.js';
import type { RunResult } from '../runs/load-run.js';
import type { Metrics } from '../runs/metrics.js';
import { modelTitle } from '../runs/run-names.js';
import { columnDecimals, scoreText } from '../statistics/digits.js';
import { benchmarkNotes } from './benchmark-notes.js';
import { quantisedNote } from './quantised.js';

/** A finished run as a table for the terminal: scores, then speed and memory. */
export function runSummary(run: RunResult): string {
  const { metrics, latency, record, folder } = run;
  const { model, device } = record.identity;
  const scores = mainScores(metrics).map((name) => {
    const { text, interval } = scoreText(metrics, name);
    return [`${name} (${metrics.points.includes(name) ? 'points' : '%'})`, `${text}${interval ? `  ${interval}` : ''}`];
  });
  const unparsable = metrics.unparsable > 0 ? `, ${metrics.unparsable} unparsable` : '';
  const denominator = metrics.failed > 0 ? ` (counted as wrong)` : '';
  const rows = [
    ...scores,
    ['questions', `${metrics.n - metrics.failed} answered, ${metrics.failed} failed${denominator}${unparsable}`],
    ...(latency.usage ? serverCosts(latency, latency.usage) : modelCosts(latency)),
  ];
  const notes = [
    ...(metrics.failures ?? []).map((failure) => `failed: ${describeFailure(failure)}`),
    ...metrics.notes,
    ...listed(quantisedNote([model.precision])),
    ...listed(reproducibilityNote(device)),
  ]
    .map((note) => `${wrapText(`Note: ${visibleLine(note)}`, terminalWidth)}\n`)
    .join('');
  const title = `${metrics.benchmark} ${metrics.split}, ${modelTitle(record.identity)}`;
  return `${renderTable([title, ''], rows, ['left', 'left'])}\n\n${notes}${folder}`;
}

/** What a model on this machine took. */
function modelCosts(latency: LatencySummary): [string, string][] {
  const { stages, tokensPerSecond, modelIdle, peakMemoryBytes } = latency;
  const memory: [string, string] = ['peak memory (GB)', peakMemoryBytes === null ? '-' : gigabytes(peakMemoryBytes)];
  if (latency.batches === 0) return [['speed', 'too short to time'], memory, ...energyCosts(latency)];
  return [
    ['visual tokens per image', whole(latency.visualTokensPerImage)],
    ['image decode (ms per image)', times(stages.decodeImageMsPerImage)],
    ['vision (ms per image)', times(stages.visionMsPerImage)],
    ['prefill (ms per question)', times(stages.prefillMsPerQuestion)],
    ['decode (ms per token)', times(stages.decodeMsPerToken)],
    ['tokens/s', fixed(tokensPerSecond.model)],
    ['questions/s, end to end', fixed(latency.questionsPerSecond)],
    ['model idle (% of the time)', fixed(modelIdle && 100 * modelIdle)],
    memory,
    ...energyCosts(latency),
  ];
}

/** "GPU 45.6, CPU 12.3"; no rows where energy was not measured. */
function energyCosts({ energy }: LatencySummary): [string, string][] {
  if (!energy) return [];
  const parts = (of: (use: PartUse) => number): string =>
    (['gpu', 'cpu'] as const)
      .flatMap((part) => (energy[part] ? [`${part.toUpperCase()} ${of(energy[part]).toFixed(1)}`] : []))
      .join(', ');
  return [
    ['energy (J per question)', parts(({ joulesPerQuestion }) => joulesPerQuestion)],
    ['power (W)', parts(({ watts }) => watts)],
  ];
}

/** What a served model took, as seen from here. */
function serverCosts(latency: LatencySummary, { promptTokens, completionTokens, cost }: Usage): [string, string][] {
  return [
    ['first token (ms)', times(latency.firstTokenMs)],
    ['decode (ms per token)', times(latency.stages.decodeMsPerToken)],
    ['tokens/s, all requests', fixed(latency.tokensPerSecond.endToEnd)],
    ['questions/s, end to end', fixed(latency.questionsPerSecond)],
    ['prompt tokens', String(promptTokens)],
    ['answer tokens', String(completionTokens)],
    ...(cost === null ? [] : [['cost', costText(cost)] satisfies [string, string]]),
  ];
}

/** Several finished runs of one model: one row per benchmark with its main score. */
export function runOverview(runs: readonly RunResult[]): string {
  const { model, device } = runs[0]!.record.identity;
  const isPercent = ({ headline, points }: Metrics): boolean => headline !== null && !points.includes(headline);
  const percentDecimals = columnDecimals(runs.map(({ metrics }) => metrics).filter(isPercent));
  const rows = runs.map(({ metrics, latency, folder }) => {
    const { benchmark, split, headline, points, n, failed } = metrics;
    const decimals = isPercent(metrics) ? percentDecimals : undefined;
    const score = headline === null ? null : scoreText(metrics, headline, decimals);
    return [
      `${benchmark} ${split}`,
      headline ?? 'not scored locally',
      score === null ? '-' : `${score.text}${points.includes(headline!) ? '' : ' %'}`,
      score?.interval ?? '-',
      String(n),
      String(failed),
      fixed(latency.questionsPerSecond),
      folder,
    ];
  });
  const title = modelTitle(runs[0]!.record.identity);
  const headers = ['benchmark', 'score', '', '95 % interval', 'questions', 'failed', 'questions/s', 'folder'];
  const notes = [
    ...benchmarkNotes(runs.map(({ metrics }) => metrics)),
    ...listed(quantisedNote([model.precision])),
    ...listed(reproducibilityNote(device)),
  ].map((note) => `Note: ${note}`);
  const align = ['left', 'left', 'right', 'left', 'right', 'right', 'right', 'left'] as const;
  const lines = notes.map((note) => wrapText(visibleLine(note), terminalWidth));
  return [visibleLine(title), '', renderTable(headers, rows, align), ...(lines.length > 0 ? ['', ...lines] : [])].join(
    '\n',
  );
}

function listed(note: string | null): string[] {
  return note === null ? [] : [note];
}

/** Only the CPU gives identical answers at every batch size; elsewhere nearly tied tokens may swap. */
function reproducibilityNote(device: string): string | null {
  if (device === 'cpu') return null;
  if (device === 'server')
    return 'Servers form batches as requests arrive, so a few answers may differ in another run.';
  return `on ${device}, a few answers may depend on the batch size; only the CPU gives identical answers.`;
}

/** Names of the scores that are not part of a breakdown. */
function mainScores({ scores }: Metrics): string[] {
  return Object.keys(scores).filter((name) => !name.includes('/'));
}

function times({ p50, p95 }: StageTimes): string {
  return p50 === null ? '-' : `${p50.toFixed(1)}${p95 === null ? '' : `, p95 ${p95.toFixed(1)}`}`;
}

function fixed(value: number | null): string {
  return value === null ? '-' : value.toFixed(1);
}

function whole(value: number | null): string {
  return value === null ? '-' : value.toFixed(0);
}
