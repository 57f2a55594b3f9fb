import { wrapText } from '../../shared/wrap-text.js';
import { terminalWidth } from '../../terminal/style.js';
import { renderTable } from '../../terminal/table.js';
import { questionsOf } from '../runs/metrics.js';
import type { Interval } from '../statistics/bootstrap.js';
import { ablationPlots } from './ablation-plots.js';
import { type AblationRow, ablationNotes, ablationTable, relativeSpeed } from './ablation-table.js';
import { latexFile } from './report-latex.js';
import { escapeMarkdown, plainMarkdown } from './report-markdown.js';
import { tidyCsv } from './tidy-csv.js';

const captionOf = (rows: readonly AblationRow[]): string =>
  rows.some(({ runs }) => runs.length > 0)
    ? 'Scores with 95 % intervals and speed by input resolution.'
    : 'Speed by input resolution.';

/** Files of an ablation by name: the table as JSON, CSV, Markdown and LaTeX, and the plots. */
export function ablationFiles(rows: readonly AblationRow[], reference: AblationRow): Record<string, string> {
  const table = ablationTable(rows, reference);
  const notes = ablationNotes(rows);
  return {
    'ablation.json': `${JSON.stringify({ schemaVersion: 1, rows }, null, 2)}\n`,
    'ablation.csv': ablationCsv(rows, reference),
    'ablation.md': `${[plainMarkdown(table), ...notes.map(escapeMarkdown)].join('\n\n')}\n`,
    'ablation.svg': ablationPlots(rows),
    'ablation.tex': latexFile(table, [captionOf(rows), ...notes].join(' ')),
  };
}

/** The table and its notes for the terminal. */
export function ablationText(rows: readonly AblationRow[], reference: AblationRow): string {
  const { titles, lines, align } = ablationTable(rows, reference);
  const notes = [
    `Speed: batch size 1, 10 new tokens, relative to ${reference.model} at ${reference.resolution.high} px; [low, high]: 95 % ` +
      'intervals over the repetitions, each size timed in one process.',
    ...ablationNotes(rows),
  ];
  return [renderTable(titles, lines, align, { keys: 2 }), ...notes.map((note) => wrapText(note, terminalWidth))].join(
    '\n',
  );
}

/** One row per size and metric (`tidyCsv`). */
function ablationCsv(rows: readonly AblationRow[], reference: AblationRow): string {
  const lines = rows.flatMap((row) => {
    const about = {
      model: row.model,
      precision: row.precision,
      device: row.device,
      resolution: row.resolution.high,
      low_resolution: row.resolution.low,
      trained_resolution: row.trainedResolution,
      visual_tokens: row.visualTokens,
    };
    const scores = row.runs.flatMap(({ metrics, record }) => {
      const { benchmark, split, headline, failed } = metrics;
      if (headline === null) return [];
      return [
        {
          ...about,
          benchmark,
          split,
          protocol: JSON.stringify(record.identity.protocol),
          metric: headline,
          unit: metrics.points.includes(headline) ? 'points' : 'percent',
          value: metrics.scores[headline],
          ...metrics.intervals[headline],
          n: questionsOf(metrics, headline),
          failed,
        },
      ];
    });
    const { speed } = row;
    const relative = relativeSpeed(row, reference);
    const figures: [metric: string, unit: string, value?: number | null, interval?: Interval | null][] = [
      ['time_to_first_token', 'ms', speed?.timeToFirstTokenMs, speed?.timeToFirstTokenInterval],
      ['tokens_per_second', 'tokens_per_s', speed?.tokensPerSecond, speed?.tokensPerSecondInterval],
      ['relative_speed', 'ratio', relative?.ratio, relative?.interval],
      ['peak_memory', 'bytes', speed?.peakMemoryBytes],
    ];
    return [
      ...scores,
      ...figures.map(([metric, unit, value, interval]) => ({ ...about, metric, unit, value, ...interval })),
    ];
  });
  return tidyCsv(lines);
}
