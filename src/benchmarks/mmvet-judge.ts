import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { ChatError } from '../chat/chat-client.js';
import { UserError, usageError } from '../shared/errors.js';
import type { Ownership } from '../shared/json-file.js';
import { type JsonLinesFile, openJsonLines } from '../shared/json-lines.js';
import { objectOf, SHA256, schemaCheck, TEXT } from '../shared/json-schema.js';
import { makeFolder } from '../shared/make-folder.js';
import { forEachParallel, oneByOne } from '../shared/parallel.js';
import { type MmVetRecord, readMmVetRecords } from './mmvet.js';
import {
  GRADE_MAX_TOKENS,
  GRADE_REMINDER,
  GRADING_ATTEMPTS,
  gradingPrompt,
  parseGrade,
} from './mmvet-grading-prompt.js';
import { type MmVetScore, scoreMmVet } from './mmvet-score.js';
import { type AskJudge, connectJudge, type JudgeServer } from './shared/judge-client.js';

export interface GradeOptions {
  /** Folder with mm-vet.json. */
  folder: string;
  /** Answers by id in mm-vet.json (`mmVetId`), null for failed questions; only these questions are scored. */
  answers: ReadonlyMap<string, string | null>;
  judge: JudgeServer;
  /** How often each answer is graded; 5 in MM-Vet's paper. */
  runs: number;
  /** JSON Lines file for the grades. Grades already in it are reused. */
  cachePath: string;
  /** Of the folder of that file, where it is locked. */
  owner?: Ownership;
  /** Maximum number of concurrent requests (default: 4). */
  concurrency?: number;
  /** Called before the first request; throwing here prevents it. */
  onEstimate?: (estimate: CostEstimate) => void | Promise<void>;
  /** Called at the start with the number of cached grades, and after every grading. */
  onProgress?: (done: number, all: number) => void;
  /** Called with what happens to the server, such as a pause before another try, in a sentence for the user. */
  onNotice?: (message: string) => void;
  signal?: AbortSignal;
}

/** Minimum cost of grading; invalid grades cause further requests. */
export interface CostEstimate {
  requests: number;
  /** Estimate: one token per 4 characters. */
  promptTokens: number;
  /** Upper bound. */
  completionTokens: number;
}

export interface MmVetGrades extends MmVetScore {
  /** The grades of each question by run, in the order of the answers; null where grading failed. */
  questions: { id: string; grades: (number | null)[] }[];
  /** Failed gradings. They are not cached, so the next call retries them. */
  failures: GradingFailure[];
  /** Names of the judge's models as reported by the server, including those of cached grades. */
  judgeModels: string[];
  /** Requests and tokens used by this call, as counted by the server. */
  usage: { requests: number; promptTokens: number; completionTokens: number };
}

export interface GradingFailure {
  id: string;
  run: number;
  reason: string;
}

/** A cached grade. */
interface CachedGrade {
  /** Hash of everything that determines the grade: judge, prompt and run. */
  key: string;
  id: string;
  run: number;
  /** As named by the server. */
  model: string;
  content: string;
  grade: number;
}

const cachedGradeCheck = schemaCheck<CachedGrade>(
  objectOf<CachedGrade>({
    key: SHA256,
    id: TEXT,
    run: { type: 'integer', minimum: 0 },
    model: TEXT,
    content: TEXT,
    grade: { type: 'number', minimum: 0, maximum: 1 },
  }),
);

/** One grading: an answer in a run. */
interface Task {
  key: string;
  id: string;
  run: number;
  prompt: string;
}

const CONCURRENCY = 4;
const CHARACTERS_PER_TOKEN = 4; // English text with OpenAI's tokenizers
/** After this many failures without a grade in between, further requests are unlikely to succeed. */
const MAX_FAILURES_IN_A_ROW = 10;

/**
 * Has a language model grade MM-Vet answers several times with the official prompt, and scores them like the official
 * evaluator. A null answer gets 0 without a request. A failed grading is null and listed in `failures`, not counted as 0.
 * Source: yuweihao/MM-Vet mm-vet_evaluator.ipynb
 * @throws UserError when the annotations or the API key are missing, when the server rejects all requests, after ten
 *   failures in a row, or when a run has no grades at all; grades obtained before are in the cache
 */
export async function gradeMmVet(options: GradeOptions): Promise<MmVetGrades> {
  const { answers, runs, judge, cachePath, concurrency = CONCURRENCY, onNotice } = options;
  if (!Number.isInteger(runs) || runs < 1)
    throw usageError(`The number of judge runs must be a positive integer, got ${runs}.`);
  const ask = connectJudge(judge, { concurrency, onNotice });
  const records = await readMmVetRecords(options.folder);
  const tasks = tasksOf(answers, records, runs, judge);

  const known = new Map<string, CachedGrade>();
  await makeFolder(dirname(cachePath));
  const cache = await openJsonLines(cachePath, cachedGradeCheck, (line) => known.set(line.key, line), options.owner);
  try {
    const grades = new Map(tasks.flatMap(({ key }) => (known.has(key) ? [[key, known.get(key)!]] : [])));
    const open = tasks.filter(({ key }) => !grades.has(key));
    const { failures, usage } = await gradeAll(ask, open, grades, cache, options, tasks.length);
    return result(answers, records, runs, tasks, grades, { failures, usage });
  } finally {
    await cache.close();
  }
}

/** All gradings, run by run, so that one run is complete before the next begins. */
function tasksOf(
  answers: GradeOptions['answers'],
  records: ReadonlyMap<string, MmVetRecord>,
  runs: number,
  { baseUrl, model }: JudgeServer,
): Task[] {
  const prompts = Array.from(answers, ([id, answer]) => {
    const record = records.get(id);
    if (!record)
      throw new UserError(`There is an answer to question ${JSON.stringify(id)}, which mm-vet.json does not have.`);
    return { id, prompt: answer === null ? null : gradingPrompt(record, answer) };
  });
  return Array.from({ length: runs }, (_, run) =>
    prompts.flatMap(({ id, prompt }) => {
      if (prompt === null) return [];
      const key = createHash('sha256')
        .update(JSON.stringify([baseUrl, model, prompt, id, run]))
        .digest('hex');
      return [{ key, id, run, prompt }];
    }),
  ).flat();
}

function estimate(tasks: readonly Task[]): CostEstimate {
  const promptTokens = tasks.reduce((sum, { prompt }) => sum + Math.ceil(prompt.length / CHARACTERS_PER_TOKEN), 0);
  return { requests: tasks.length, promptTokens, completionTokens: tasks.length * GRADE_MAX_TOKENS };
}

/** Runs the open tasks concurrently and adds the results to `grades` and the cache. */
async function gradeAll(
  ask: AskJudge,
  open: readonly Task[],
  grades: Map<string, CachedGrade>,
  cache: JsonLinesFile<CachedGrade>,
  { concurrency = CONCURRENCY, onEstimate, onProgress, signal }: GradeOptions,
  all: number,
): Promise<Pick<MmVetGrades, 'failures' | 'usage'>> {
  const failures: GradingFailure[] = [];
  const usage = { requests: 0, promptTokens: 0, completionTokens: 0 };
  if (open.length === 0) return { failures, usage };
  await onEstimate?.(estimate(open));
  onProgress?.(all - open.length, all);

  const countingAsk: AskJudge = async (question, askSignal) => {
    const reply = await ask(question, askSignal);
    usage.requests++;
    usage.promptTokens += reply.promptTokens;
    usage.completionTokens += reply.completionTokens;
    return reply;
  };
  const keep = oneByOne(async (line: CachedGrade) => {
    await cache.append([line]);
  });
  let failuresInARow = 0;
  const gradeTask = async (task: Task, stop: AbortSignal): Promise<void> => {
    stop.throwIfAborted();
    const outcome = await gradeOnce(countingAsk, task, stop);
    const { key, id, run } = task;
    if ('reason' in outcome) {
      failures.push({ id, run, reason: outcome.reason });
      failuresInARow++;
      if (failuresInARow === MAX_FAILURES_IN_A_ROW) throw tooManyFailures(outcome.reason);
    } else {
      failuresInARow = 0;
      const line = { key, id, run, ...outcome };
      grades.set(key, line);
      await keep(line);
    }
    onProgress?.(grades.size + failures.length, all);
  };
  await forEachParallel(open, concurrency, gradeTask, signal);
  return { failures, usage };
}

function tooManyFailures(reason: string): UserError {
  return new UserError(
    `The judge failed ${MAX_FAILURES_IN_A_ROW} times in a row; last error: ${reason}. Earlier grades are kept. Fix the ` +
      'cause and rerun the command.',
  );
}

/** @returns a grade, or the reason why there is none @throws UserError when the server rejects all requests */
async function gradeOnce(
  ask: AskJudge,
  { prompt }: Task,
  signal: AbortSignal,
): Promise<Pick<CachedGrade, 'grade' | 'content' | 'model'> | { reason: string }> {
  let last: string | null = null;
  try {
    for (const { temperature, addsReminder } of GRADING_ATTEMPTS) {
      const text = addsReminder ? prompt + GRADE_REMINDER : prompt;
      const { content, model } = await ask({ text, maxTokens: GRADE_MAX_TOKENS, temperature }, signal);
      const grade = parseGrade(content);
      if (grade !== null) return { grade, content: content!, model };
      last = content;
    }
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
    return { reason: error.message };
  }
  return {
    reason: `no grade between 0 and 1 in ${GRADING_ATTEMPTS.length} attempts; last answer: ${JSON.stringify(last)}`,
  };
}

function result(
  answers: GradeOptions['answers'],
  records: ReadonlyMap<string, MmVetRecord>,
  runs: number,
  tasks: readonly Task[],
  grades: ReadonlyMap<string, CachedGrade>,
  { failures, usage }: Pick<MmVetGrades, 'failures' | 'usage'>,
): MmVetGrades {
  const gradesOf = new Map(
    Array.from(answers, ([id, answer]) => [id, new Array<number | null>(runs).fill(answer === null ? 0 : null)]),
  );
  for (const { key, id, run } of tasks) gradesOf.get(id)![run] = grades.get(key)?.grade ?? null;
  const questions = Array.from(gradesOf, ([id, byRun]) => ({ id, grades: byRun }));
  const scored = scoreMmVet(
    questions.map(({ id, grades: byRun }) => ({
      capability: records.get(id)!.capability,
      grades: byRun,
      isAnswered: answers.get(id) !== null,
    })),
    runs,
  );
  if (scored === null)
    throw new UserError(`The judge returned no grades: ${failures[0]?.reason ?? 'there are no answers'}.`);
  const judgeModels = [...new Set(tasks.flatMap(({ key }) => grades.get(key)?.model ?? []))];
  return { ...scored, questions, failures, judgeModels, usage };
}
