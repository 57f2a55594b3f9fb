import type { ReportLayout } from '../reports/report-layout.js';
import type { RunResult } from '../runs/load-run.js';
import { modelLabels } from '../runs/run-names.js';

/** Names of the models on a report page. */
export interface RunNames {
  /** Index by line of the report's tables. */
  systems: { key: string; name: string }[];
  /** Line of a run. */
  systemOf(run: RunResult): number;
  /** Key and name combined. */
  label(run: RunResult): string;
  /** Of all lines, in their order. */
  labels: string[];
  /** The name without the input size, for series over sizes. */
  series(run: RunResult): string;
  /** Of all lines, in their order, each once. */
  allSeries: string[];
}

/** Assigns a letter and a name to each line of the tables. */
export function runNames({ scores: { lines } }: ReportLayout): RunNames {
  const firstRuns = lines.map(({ runs }) => runs[0]!);
  const systems = modelLabels(firstRuns).map((name, i) => ({ key: letters(i), name }));
  const seriesNames = modelLabels(firstRuns, false);
  const places = new Map(lines.flatMap(({ runs }, i) => runs.map((run) => [run, i] as const)));
  const systemOf = (run: RunResult): number => places.get(run)!;
  const labels = systems.map(({ key, name }) => `${key} ${name}`);
  return {
    systems,
    systemOf,
    label: (run) => labels[systemOf(run)]!,
    labels,
    series: (run) => seriesNames[systemOf(run)]!,
    allSeries: [...new Set(seriesNames)],
  };
}

/** A to Z, then AA, AB and so on. */
function letters(index: number): string {
  const last = String.fromCharCode('A'.charCodeAt(0) + (index % 26));
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}
