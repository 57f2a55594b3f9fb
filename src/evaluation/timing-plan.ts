/** One run of a model in a setting, both by index. */
export interface PlannedRun {
  model: number;
  setting: number;
  /** Not counted: it allocates memory and selects kernels. */
  warmup: boolean;
}

export interface TimingPlanOptions {
  models: number;
  settings: number;
  warmup: number;
  repetitions: number;
  /** Whether all models are loaded at once. Otherwise one at a time, and switching costs a load. */
  together: boolean;
}

/**
 * Orders all runs. If all models are loaded, they alternate run by run, in reverse order every other round, so that a drift
 * of the machine's speed affects all equally. Otherwise each model has two blocks, the second ones in reverse order
 * (A B B A), where a steady drift cancels as well.
 */
export function planTimings(options: TimingPlanOptions): PlannedRun[] {
  return options.together ? takeTurns(options) : inBlocks(options);
}

function takeTurns({ models, settings, warmup, repetitions }: TimingPlanOptions): PlannedRun[] {
  return range(settings).flatMap((setting) =>
    range(warmup + repetitions).flatMap((round) => {
      const order = (round - warmup) % 2 === 0 ? range(models) : range(models).reverse();
      return order.map((model) => ({ model, setting, warmup: round < warmup }));
    }),
  );
}

function inBlocks({ models, settings, warmup, repetitions }: TimingPlanOptions): PlannedRun[] {
  const first = Math.ceil(repetitions / 2);
  const halves = [
    { order: range(models), count: first },
    { order: range(models).reverse(), count: repetitions - first },
  ];
  return halves.flatMap(({ order, count }) =>
    order.flatMap((model) =>
      range(count === 0 ? 0 : settings).flatMap((setting) =>
        range(warmup + count).map((run) => ({ model, setting, warmup: run < warmup })),
      ),
    ),
  );
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
