import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { unreadable } from '../../shared/system-errors.js';
import { MME_TASKS } from '../mme-files.js';

/** LLaVA's scripts split a run over GPUs: `<chunks>_<chunk>.jsonl`, later concatenated into merge.jsonl. */
const CHUNK = /^(\d+)_(\d+)\.jsonl(?:\.gz)?$/;
const WHOLE = ['predictions.jsonl', 'merge.jsonl', 'merge.jsonl.gz'];

/** Names of lmms-eval's tasks and VLMEvalKit's datasets in file names, by benchmark. */
const TOOL_NAMES: Record<string, RegExp> = {
  vqav2: /^vqav2/i,
  gqa: /^gqa/i,
  okvqa: /^ok_?vqa/i,
  ocrvqa: /^ocr_?vqa/i,
  scienceqa: /^scienceqa/i,
  vizwiz: /^vizwiz/i,
  textvqa: /^textvqa/i,
  pope: /^pope/i,
  mme: /^mme(?![a-z-])/i,
  seed: /^seedbench(?!_?2|_ppl|_ko)/i,
  mmvet: /^mm-?vet(?!v2|_hard)/i,
};

/**
 * The files of one set of predictions.
 * @param path a file, or a folder: a run folder of llavahr, LLaVA's answers in chunks or merged, MME's result files,
 *   the output of lmms-eval or VLMEvalKit, or one with a single predictions file
 * @param benchmark which one to look for in a folder with several
 * @throws UserError if it does not exist, or the folder is ambiguous
 */
export async function findPredictionFiles(path: string, benchmark: string): Promise<string[]> {
  const names = await namesIn(path);
  if (names === null) return [path];
  const whole = WHOLE.find((name) => names.includes(name));
  if (whole) return [join(path, whole)];

  const chunks = names.filter((name) => CHUNK.test(name)).sort((a, b) => chunkOf(a) - chunkOf(b));
  if (chunks.length > 0) {
    const runs = new Set(chunks.map((name) => CHUNK.exec(name)![1]));
    if (runs.size === 1) return chunks.map((name) => join(path, name));
    throw new UserError(
      `${path} contains chunks of several runs: ${listed(chunks)}. Keep only the files of one run there.`,
    );
  }
  const tables = benchmark === 'mme' ? names.filter((name) => MME_FILES.has(name)) : [];
  if (tables.length > 0) return tables.map((name) => join(path, name));
  const candidates = names.filter((name) => isOfTool(basename(name), benchmark));
  // lmms-eval writes an upload beside the log, with the answers as processed for the server.
  const logs = candidates.filter((name) => !/[_-]submission[_-]/.test(name));
  const ofTools = await withoutLinks(path, logs.length > 0 ? logs : candidates);
  if (ofTools.length === 1) return [join(path, ofTools[0]!)];
  if (arePopeCategories(ofTools)) return ofTools.map((name) => join(path, name));
  const files = ofTools.length > 0 ? ofTools : names.filter((name) => !name.includes('/') && IS_DATA.test(name));
  if (files.length === 1) return [join(path, files[0]!)];
  const found = files.length === 0 ? 'no .jsonl, .json, .csv, .tsv or .xlsx files' : `several files: ${listed(files)}`;
  throw new UserError(`${path} contains ${found}. Pass the predictions file itself.`);
}

/** Result files of MME's tool, one per subtask. */
const MME_FILES: ReadonlySet<string> = new Set(
  [...MME_TASKS.perception, ...MME_TASKS.cognition].map((task) => `${task}.txt`),
);

const IS_DATA = /\.(?:jsonl?|tsv|csv|xlsx)(?:\.gz)?$/;
/** `20260806_101112_samples_textvqa_val.jsonl`, and `textvqa_val.json` before version 0.2 */
const LMMS_EVAL = /^(?:[\dT:_.-]*_?samples_(.+)\.jsonl|(.+)\.json)(?:\.gz)?$/;
/** `llava_v1.5_7b_TextVQA_VAL.xlsx`; files of its judges and scores have more after the dataset's name. */
const VLMEVALKIT =
  /^.+?_(MME|POPE|SEEDBench(?:_IMG)?|ScienceQA_(?:TEST|VAL)|TextVQA_VAL|OCRVQA_(?:TEST|TESTCORE)|GQA_TestDev_Balanced|VizWiz|MMVet)\.(?:xlsx|tsv|json)$/;

function isOfTool(name: string, benchmark: string): boolean {
  const pattern = TOOL_NAMES[benchmark];
  if (!pattern || name.endsWith('_results.json') || name === 'results.json') return false;
  const [, samples, log] = LMMS_EVAL.exec(name) ?? [];
  const task = VLMEVALKIT.exec(name)?.[1] ?? samples ?? log;
  return task !== undefined && pattern.test(task);
}

/** POPE's category in the name of an lmms-eval file: its group pope_full has a task for each. */
export function popeCategory(path: string): string | null {
  const [, samples, log] = LMMS_EVAL.exec(basename(path)) ?? [];
  const category = /^pope_(adv|pop|random)$/.exec(samples ?? log ?? '')?.[1];
  return category === undefined ? null : POPE_TASKS[category]!;
}

const POPE_TASKS: Record<string, string> = { adv: 'adversarial', pop: 'popular', random: 'random' };

/** Whether files are one of each of POPE's categories, from one run of lmms-eval. */
function arePopeCategories(names: readonly string[]): boolean {
  const runs = new Set(names.map((name) => name.replace(/pope_(?:adv|pop|random)/, '')));
  const categories = new Set(names.map(popeCategory));
  return names.length === 3 && runs.size === 1 && categories.size === 3 && !categories.has(null);
}

/** One name of each file: VLMEvalKit links the files of the last run from the folder above. */
async function withoutLinks(folder: string, names: readonly string[]): Promise<string[]> {
  const found = new Map<string, string>();
  for (const name of names) found.set(await realpath(join(folder, name)).catch(() => name), name);
  return [...found.values()];
}

const MAX_DEPTH = 3; // lmms-eval: <output>/<model>/; VLMEvalKit: <output>/<model>/<time>/

/** Relative paths of everything below a folder, sorted, with "/" as the separator; null for a file. */
async function namesIn(path: string): Promise<string[] | null> {
  try {
    if (!(await stat(path)).isDirectory()) return null;
    const entries = await readdir(path, { recursive: true });
    return entries
      .map((name) => name.split(sep).join('/'))
      .filter((name) => name.split('/').length <= MAX_DEPTH)
      .sort();
  } catch (error) {
    throw unreadable(path, error);
  }
}

function chunkOf(name: string): number {
  return Number(CHUNK.exec(name)![2]);
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ' ...' : ''}`;
}
