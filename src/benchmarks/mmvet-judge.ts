import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError, usageError } from '../shared/errors.js';
import { type JsonLinesFile, openJsonLines } from '../shared/json-lines.js';
import { objectOf, SHA256, schemaCheck, TEXT } from '../shared/json-schema.js';
import { type MmVetRecord, readMmVetRecords } from './mmvet.js';
import {
  GRADE_MAX_TOKENS,
  GRADE_REMINDER,
  GRADING_ATTEMPTS,
  gradingPrompt,
  parseGrade,
} from './mmvet-grading-prompt.js';
import { type MmVetScore, scoreMmVet } from './mmvet-score.js';
import { type AskJudge, connectJudge, JudgeError, type JudgeServer } from './shared/judge-client.js';

export interface GradeOptions {
  /** Folder with mm-vet.json. */
  folder: string;
  /** Answers by their id in mm-vet.json (`mmVetId`), null where none could be made; only these questions are scored. */
  answers: ReadonlyMap<string, string | null>;
  judge: JudgeServer;
  /** How often every answer is graded; MM-Vet's paper has 5. */
  runs: number;
  /** File for the grades, one JSON record a line. What is there already is not asked again. */
  cachePath: string;
  /** Requests under way at once; default 4. */
  concurrency?: number;
  /** Called before the first request; throwing here prevents it. */
  onEstimate?: (estimate: CostEstimate) => void | Promise<void>;
  /** Called after every grading, and at the start with what the cache holds. */
  onProgress?: (done: number, all: number) => void;
  signal?: AbortSignal;
}

/** What grading will cost at the least: an answer that is no grade is asked for again. Prices are the server's. */
export interface CostEstimate {
  requests: number;
  /** About: a token for every 4 characters. */
  promptTokens: number;
  /** At most. */
  completionTokens: number;
}

export interface MmVetGrades extends MmVetScore {
  /** The grades of every question by run, in the order of the answers; null where the judge gave none. */
  questions: { id: string; grades: (number | null)[] }[];
  /** Gradings that failed. They are not in the cache: the same call tries them again. */
  failures: GradingFailure[];
  /** The judge's models as the server named them, the cached grades' included. */
  judgeModels: string[];
  /** What this call used, as the server counted. */
  usage: { requests: number; promptTokens: number; completionTokens: number };
}

export interface GradingFailure {
  id: string;
  run: number;
  reason: string;
}

/** A grade as the cache keeps it. */
interface CachedGrade {
  /** Hash of all that decides the grade: judge, prompt and run. */
  key: string;
  id: string;
  run: number;
  /** As the server named it. */
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

/** One answer to be graded in one run. */
interface Task {
  key: string;
  id: string;
  run: number;
  prompt: string;
}

const CONCURRENCY = 4;
const CHARACTERS_PER_TOKEN = 4; // English text with OpenAI's tokenizers
/** A judge that fails as often as this without a grade in between will not do better at the next question. */
const MAX_FAILURES_IN_A_ROW = 10;

/**
 * Has a language model grade the answers to MM-Vet with the official prompt, several times over, and scores them as the
 * official evaluator does. An answer that is null gets 0 and is not shown to the judge. A grading that fails is null and
 * listed, not 0. Source: yuweihao/MM-Vet mm-vet_evaluator.ipynb
 * @throws UserError when the annotations, the judge's address or its key are missing, when the server refuses all
 * requests, after ten failures in a row, or when a run has no grade; grades made until then are in the cache
 */
export async function gradeMmVet(options: GradeOptions): Promise<MmVetGrades> {
  const { answers, runs, judge, cachePath } = options;
  if (!Number.isInteger(runs) || runs < 1)
    throw usageError(`The judge's runs must be a positive integer, got ${runs}.`);
  const ask = connectJudge(judge);
  const records = await readMmVetRecords(options.folder);
  const tasks = tasksOf(answers, records, runs, judge);

  const known = new Map<string, CachedGrade>();
  await mkdir(dirname(cachePath), { recursive: true });
  const cache = await openJsonLines(cachePath, cachedGradeCheck, (line) => known.set(line.key, line));
  try {
    const grades = new Map(tasks.flatMap(({ key }) => (known.has(key) ? [[key, known.get(key)!]] : [])));
    const open = tasks.filter(({ key }) => !grades.has(key));
    const { failures, usage } = await gradeAll(ask, open, grades, cache, options, tasks.length);
    return result(answers, records, runs, tasks, grades, { failures, usage });
  } finally {
    await cache.close();
  }
}

/** What is to be graded: run by run, so that a run is whole before the next begins. */
function tasksOf(
  answers: GradeOptions['answers'],
  records: ReadonlyMap<string, MmVetRecord>,
  runs: number,
  { baseUrl, model }: JudgeServer,
): Task[] {
  const prompts = Array.from(answers, ([id, answer]) => {
    const record = records.get(id);
    if (!record)
      throw new UserError(`mm-vet.json has no question ${JSON.stringify(id)}, but there is an answer to it.`);
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

/** Grades the open tasks, some at a time, and adds what it gets to `grades` and the cache. */
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
  const stop = new AbortController(); // what ends one worker ends the others
  const stopOrCancel = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  let writing = Promise.resolve(); // lines are appended one after the other
  let failuresInARow = 0;
  const remaining = open.values(); // shared: each worker takes the next task
  const worker = async (): Promise<void> => {
    for (const task of remaining) {
      stopOrCancel.throwIfAborted();
      const outcome = await gradeOnce(countingAsk, task, stopOrCancel);
      if ('reason' in outcome) {
        failures.push({ id: task.id, run: task.run, reason: outcome.reason });
        failuresInARow++;
        if (failuresInARow === MAX_FAILURES_IN_A_ROW) throw givenUp(outcome.reason);
      } else {
        failuresInARow = 0;
        const { key, id, run } = task;
        const line = { key, id, run, ...outcome };
        grades.set(key, line);
        writing = writing.then(async () => {
          await cache.append([line]);
        });
        await writing;
      }
      onProgress?.(grades.size + failures.length, all);
    }
  };
  try {
    const workers = Array.from({ length: Math.min(concurrency, open.length) }, worker);
    await Promise.all(workers.map((running) => running.catch((error) => stop.abort(error))));
    stopOrCancel.throwIfAborted();
  } finally {
    await writing;
  }
  return { failures, usage };
}

function givenUp(reason: string): UserError {
  return new UserError(
    `The judge failed ${MAX_FAILURES_IN_A_ROW} times in a row, the last time: ${reason}. The grades made before are ` +
      'kept: mend the cause and run the same command again.',
  );
}

/** @returns why there is no grade, if so @throws UserError when no request to this server will do */
async function gradeOnce(
  ask: AskJudge,
  { prompt }: Task,
  signal: AbortSignal,
): Promise<Pick<CachedGrade, 'grade' | 'content' | 'model'> | { reason: string }> {
  let last: string | null = null;
  try {
    for (const { temperature, reminds } of GRADING_ATTEMPTS) {
      const text = reminds ? prompt + GRADE_REMINDER : prompt;
      const { content, model } = await ask({ text, maxTokens: GRADE_MAX_TOKENS, temperature }, signal);
      const grade = parseGrade(content);
      if (grade !== null) return { grade, content: content!, model };
      last = content;
    }
  } catch (error) {
    if (!(error instanceof JudgeError)) throw error;
    if (error.concerns === 'server') throw new UserError(`The judge refuses to work: ${error.message}`);
    return { reason: error.message };
  }
  return {
    reason: `no grade from 0 to 1 in ${GRADING_ATTEMPTS.length} answers, the last of them ${JSON.stringify(last)}`,
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
  if (scored === null) throw new UserError(`The judge graded nothing: ${failures[0]?.reason ?? 'there is no answer'}.`);
  const judgeModels = [...new Set(tasks.flatMap(({ key }) => grades.get(key)?.model ?? []))];
  return { ...scored, questions, failures, judgeModels, usage };
}
