import { precisionLabel } from '../reports/quantised.js';
import type { RunResult } from './load-run.js';

/** What tells models apart in a table: other weights under the same name are another model. */
export function modelKey({ record }: RunResult): string {
  const { model, device } = record.identity;
  return JSON.stringify([model.name, model.resolution, model.precision, device, model.weightsHash]);
}

/**
 * How tables and sentences call the model of each run: its name and input size, and only where runs differ in them its
 * precision, its device, and the beginning of the weights' hash.
 * @param withSize false: without the input size, for what stays the same when only the size changes
 */
export function modelLabels(runs: readonly RunResult[], withSize = true): string[] {
  const models = runs.map(({ record }) => record.identity);
  const differ = (field: (identity: (typeof models)[number]) => string) => new Set(models.map(field)).size > 1;
  const [byPrecision, byDevice] = [differ(({ model }) => model.precision), differ(({ device }) => device)];
  const labels = models.map(({ model, device }) =>
    [
      `${model.name}${withSize ? ` at ${model.resolution} px` : ''}`,
      ...(byPrecision ? [precisionLabel(model.precision)] : []),
      ...(byDevice ? [device] : []),
    ].join(', '),
  );
  return labels.map((label, i) => {
    const { weightsHash } = models[i]!.model;
    const isAmbiguous = labels.some((other, k) => other === label && models[k]!.model.weightsHash !== weightsHash);
    return isAmbiguous ? `${label}, weights ${weightsHash.slice(0, 8)}` : label;
  });
}

/** Precision and device of the runs where all have the same: "fp32, cpu". */
export function sharedSettings(runs: readonly RunResult[]): string {
  const shared = (field: (run: RunResult) => string): string[] => {
    const values = new Set(runs.map(field));
    return values.size === 1 ? [...values] : [];
  };
  const precision = shared(({ record }) => precisionLabel(record.identity.model.precision));
  return [...precision, ...shared(({ record }) => record.identity.device)].join(', ');
}
