import { precisionLabel } from '../reports/quantised.js';
import type { RunResult } from './load-run.js';
import type { ModelIdentity, RunIdentity } from './run-identity.js';

/** Key that distinguishes models in a table: the same name with other weights is another model. */
export function modelKey({ record }: RunResult): string {
  const { model, device, generation } = record.identity;
  const { convMode = null } = generation;
  return JSON.stringify([model.name, model.resolution, model.precision, device, model.weightsHash, convMode]);
}

/**
 * Labels of the runs' models for tables and sentences: name and input size, plus precision, device and weights hash where
 * they are needed to tell runs apart; a conversation template other than the official one is always named.
 * @param withSize false omits the input size
 */
export function modelLabels(runs: readonly RunResult[], withSize = true): string[] {
  const models = runs.map(({ record }) => record.identity);
  const differ = (field: (identity: (typeof models)[number]) => string) => new Set(models.map(field)).size > 1;
  const [byPrecision, byDevice] = [differ(({ model }) => model.precision), differ(({ device }) => device)];
  const labels = models.map(({ model, device, generation }) =>
    [
      withSize ? sizedName(model) : model.name,
      ...convModeOf(generation),
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

/** The conversation template, unless it is the official one. */
export function convModeOf({ convMode = null }: RunIdentity['generation']): string[] {
  return convMode === null ? [] : [String(convMode)];
}

/** "llava-hr-7b at 1024 px"; the name alone for a served model, whose input size is not known. */
function sizedName({ name, resolution }: Pick<ModelIdentity, 'name' | 'resolution'>): string {
  return resolution === null ? name : `${name} at ${resolution} px`;
}

/** A model and how it was run: "llava-hr-7b at 1024 px, fp32 on cpu", "llava-1.5-7b-hf, served by vllm 0.11.0". */
export function modelTitle({ model, device, server, generation }: RunIdentity): string {
  if (server === undefined) {
    return [sizedName(model), ...convModeOf(generation), `${precisionLabel(model.precision)} on ${device}`].join(', ');
  }
  const { engine, version } = server;
  const by = [engine, version].filter((part) => typeof part === 'string').join(' ');
  return `${model.name}, served${by === '' ? '' : ` by ${by}`}`;
}

/** Precision and device, each only if all runs share it: "fp32, cpu". */
export function sharedSettings(runs: readonly RunResult[]): string {
  const shared = (field: (run: RunResult) => string): string[] => {
    const values = new Set(runs.map(field));
    return values.size === 1 ? [...values] : [];
  };
  const precision = shared(({ record }) => precisionLabel(record.identity.model.precision));
  return [...precision, ...shared(({ record }) => record.identity.device)].join(', ');
}
