import { findBenchmark } from '../benchmarks/registry.js';
import { downloadsOnDemand } from '../downloads/downloads-on-demand.js';
import { chooseModel } from '../evaluation/choose-model.js';
import { sampleData } from '../evaluation/sample.js';
import { type ErrorSize, type ModelLabel, type Verification, verifyModel } from '../evaluation/verify-model.js';
import type { Precision } from '../model/precision.js';
import { precisionLabel } from '../results/reports/quantised.js';
import { decimalsFor, halfWidthOf, intervalText, signedText } from '../results/statistics/digits.js';
import { countOf } from '../shared/count-of.js';
import { EXIT } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { renderTable } from '../terminal/table.js';
import { dataFolder } from './data-folder.js';
import { printJson, type VerifyJson } from './json-output.js';

export interface VerifyCommandOptions {
  against: string;
  precision?: Precision;
  resolution?: number;
  /** Default: the embedded TextVQA sample, which needs no download. */
  benchmark?: string;
  data?: string;
  limit?: number;
  threads: number;
  offline: boolean;
  json: boolean;
}

/** `llavahr verify`: measures how much a model differs from another export of the same checkpoint. */
export async function verifyCommand(name: string, options: VerifyCommandOptions): Promise<number> {
  const { resolution, precision, limit, threads, data } = options;
  const definition = findBenchmark(options.benchmark ?? 'textvqa');
  const downloads = downloadsOnDemand(options.offline);
  const choose = (model: string, of?: Precision) => chooseModel({ model, resolution, precision: of }, downloads);
  try {
    const against = await choose(options.against);
    const model = await choose(name, precision);
    const never = new AbortController().signal; // Ctrl-C ends the command; rerunning it resumes the download
    const isNamed = data !== undefined || options.benchmark !== undefined;
    if (!isNamed) say('info', 'Using the embedded TextVQA sample. Choose other questions with --benchmark or --data.');
    const folder = isNamed
      ? await dataFolder(
          definition,
          { data, model: name, isServed: false, split: undefined, alone: true },
          downloads,
          never,
        )
      : sampleData(definition.name);
    const benchmark = await definition.load(folder, { protocol: 'llava', limit });
    const onModel = (label: ModelLabel): void => say('info', `Running ${labelText(label)}`);
    const verification = await verifyModel(model, against, benchmark, threads, onModel).finally(benchmark.images.close);
    if (options.json) printJson<VerifyJson>(verification);
    else console.log(verificationText(verification));
    return EXIT.done;
  } finally {
    await downloads.close();
  }
}

function labelText({ name, precision, resolution }: ModelLabel): string {
  return `${name} at ${resolution} px, ${precisionLabel(precision)}`;
}

function verificationText(verification: Verification): string {
  const { questions, notAsked, score, visualError } = verification;
  const share = (same: number): string => `${same} of ${questions} (${((100 * same) / questions).toFixed(1)} %)`;
  const rows = [
    ['same answers', share(verification.sameAnswers)],
    ['same first token', share(verification.sameFirstTokens)],
    ["first token's largest logit", errorText(verification.logitError)],
    [`visual tokens of ${countOf(visualError.images, 'image')}`, errorText(visualError)],
    ...(score === null ? [] : scoreRows(score, questions)),
    ...(notAsked === 0 ? [] : [['questions that failed', String(notAsked)]]),
  ];
  const title = `${labelText(verification.model)}, against ${labelText(verification.against)}`;
  return `${title}\n\n${renderTable([`${verification.benchmark}, ${countOf(questions, 'question')}`, ''], rows, ['left', 'left'])}`;
}

function errorText({ largest, relative }: ErrorSize): string {
  if (largest === 0) return 'identical';
  return `${(100 * relative).toPrecision(2)} % off, at most ${largest.toPrecision(2)}`;
}

function scoreRows(
  { name, points, model, against, interval }: NonNullable<Verification['score']>,
  n: number,
): string[][] {
  const decimals = decimalsFor(halfWidthOf(interval) ?? (points ? 10 : 98 / Math.sqrt(n)));
  const range = interval ? ` ${intervalText(interval, decimals)}` : '';
  return [
    [
      `${name} (${points ? 'points' : '%'})`,
      `${model.toFixed(decimals)} and ${against.toFixed(decimals)}: ${signedText(model - against, decimals)}${range}`,
    ],
  ];
}
