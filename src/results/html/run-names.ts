import type { RunResult } from '../load-run.js';
import { precisionLabel } from '../quantised.js';
import type { ReportLayout } from '../report-layout.js';

/** How a report calls its models. */
export interface RunNames {
  /** By the lines of the report's tables: a letter, and model, input size and what else differs. */
  systems: { key: string; name: string }[];
  /** The line of a run. */
  systemOf(run: RunResult): number;
  /** Key and name in one. */
  label(run: RunResult): string;
  /** The name without the input size: what stays the same when only the size changes. */
  series(run: RunResult): string;
}

/** Precision and device are in the names only where there are several, and a quantised precision always. */
export function runNames({ runs, scores }: ReportLayout): RunNames {
  const precisions = new Set(runs.map(({ record }) => record.identity.model.precision));
  const devices = new Set(runs.map(({ record }) => record.identity.device));
  const showsPrecision =
    precisions.size > 1 || [...precisions].some((precision) => precisionLabel(precision) !== precision);
  const nameOf = ({ record: { identity } }: RunResult, withSize: boolean): string =>
    [
      identity.model.name,
      ...(withSize ? [`${identity.model.resolution} px`] : []),
      ...(showsPrecision ? [precisionLabel(identity.model.precision)] : []),
      ...(devices.size > 1 ? [identity.device] : []),
    ].join(' ');
  const systems = scores.lines.map((line, i) => ({ key: letters(i), name: nameOf(line.runs[0]!, true) }));
  const places = new Map(scores.lines.flatMap((line, i) => line.runs.map((run) => [run, i] as const)));
  const systemOf = (run: RunResult): number => places.get(run)!;
  return {
    systems,
    systemOf,
    label: (run) => `${systems[systemOf(run)]!.key} ${nameOf(run, true)}`,
    series: (run) => nameOf(run, false),
  };
}

/** A to Z, then AA, AB and so on. */
function letters(index: number): string {
  const last = String.fromCharCode('A'.charCodeAt(0) + (index % 26));
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}
