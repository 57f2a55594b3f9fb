import { createHash } from 'node:crypto';
import type { Question } from '../benchmarks/benchmark.js';
import { adaptiveLimit, fixedLimit, MAX_REQUESTS } from '../chat/adaptive-limit.js';
import { ChatError, type TimedReply } from '../chat/chat-client.js';
import { openChatPool } from '../chat/chat-pool.js';
import type { BatchTiming, TokenPrices } from '../results/runs/latency.js';
import type { Prediction } from '../results/runs/predictions.js';
import { ImageError, messageOf, UserError } from '../shared/errors.js';
import { logEvent } from '../shared/log.js';
import { oneByOne, takeInParallel } from '../shared/parallel.js';
import { pyStrip } from '../shared/python-strings.js';
import type { Answerer, AnswerWork } from './answerer.js';
import { answered, failed } from './make-prediction.js';
import type { Endpoint } from './open-endpoint.js';
import { groupByImage } from './plan-batches.js';

export interface EndpointAnswererOptions {
  /** Requests at a time, for each server; auto finds the number at which it answers most per second. */
  concurrency: number | 'auto';
  prices: TokenPrices | null;
}

/** LLaVA-1.5's. Only to form shards of about equal cost, the same on every machine. */
const VISUAL_TOKENS = 576;
/** After this many questions without an answer in between, further ones are unlikely to be answered. */
const MAX_FAILURES_IN_A_ROW = 20;

/** A served model answers, question by question. */
export function endpointAnswerer(endpoint: Endpoint, { concurrency, prices }: EndpointAnswererOptions): Answerer {
  const { clients, identity, settings } = endpoint;
  return {
    identity,
    settings: {
      ...settings,
      concurrency,
      ...(prices ? { inputPrice: prices.input, outputPrice: prices.output } : {}),
    },
    visualTokens: VISUAL_TOKENS,
    async answer(work) {
      const limits = new Map(
        clients.map((client) => [client, concurrency === 'auto' ? adaptiveLimit() : fixedLimit(concurrency)]),
      );
      const pool = openChatPool(clients, { limitOf: (client) => limits.get(client)!, onNotice: work.log });
      const record = gathered(work.record);
      let failuresInARow = 0;
      const ask = async (question: Question, signal: AbortSignal): Promise<void> => {
        const result = await answerOne(endpoint, pool, work, question, signal);
        if (result === null) return;
        await record(result);
        failuresInARow = result.timing === null ? failuresInARow + 1 : 0;
        if (failuresInARow >= MAX_FAILURES_IN_A_ROW) throw tooManyFailures(result.prediction);
      };
      // Questions about an image follow each other: servers keep what they computed for a prompt's beginning.
      const queue = groupByImage(work.questions, Number.POSITIVE_INFINITY)
        .flatMap(({ questions }) => questions)
        .values();
      const next = (): Question | undefined => (work.signal.aborted ? undefined : queue.next().value);
      const lanes = clients.length * (concurrency === 'auto' ? MAX_REQUESTS : concurrency);
      work.onReady();
      await takeInParallel(next, Math.min(lanes, work.questions.length), ask, work.signal);
      logEvent('info', 'concurrency', { requests: [...limits.values()].map(({ current }) => current) });
    },
    async close() {},
  };
}

/** What came of a question. */
interface Answered {
  prediction: Prediction;
  /** null without an answer. */
  timing: BatchTiming | null;
}

/** @returns null when the run was interrupted meanwhile @throws UserError when no server is left */
async function answerOne(
  endpoint: Endpoint,
  pool: ReturnType<typeof openChatPool>,
  work: AnswerWork,
  question: Question,
  signal: AbortSignal,
): Promise<Answered | null> {
  const { benchmark } = work;
  const maker = { benchmark, identity: endpoint.identity };
  let imageSha256: string | null = null;
  let decodeImageMs = 0;
  const prepare = async () => {
    const start = performance.now();
    const bytes = question.image === null ? null : await benchmark.images.read(question.image);
    if (bytes !== null) {
      imageSha256 = createHash('sha256').update(bytes).digest('hex');
      work.noteImage(question.image!, imageSha256);
    }
    const request = endpoint.request(question.text, bytes, benchmark.maxNewTokens, benchmark.systemPrompt);
    decodeImageMs = performance.now() - start;
    return request;
  };
  const failure = (code: string, message: string): Answered => ({
    prediction: failed(maker, question, code, message),
    timing: null,
  });
  try {
    const timed = await pool.ask(prepare, signal);
    const { content, finishReason, completionTokens } = timed.reply;
    if (!content && finishReason === 'content_filter') {
      return failure('content-filter', "the server's content filter withheld the answer");
    }
    // An empty text would be an answer: POPE takes it for a yes.
    if (!content && finishReason === 'length') {
      const limit = `all ${benchmark.maxNewTokens} tokens of the limit were used before the answer began`;
      return failure('no-answer', `${limit}: a model that thinks first needs a larger --max-new-tokens`);
    }
    return {
      prediction: answered(maker, { question, imageSha256 }, pyStrip(content ?? ''), completionTokens),
      timing: timingOf(question, timed, decodeImageMs),
    };
  } catch (error) {
    if (work.signal.aborted) return null;
    if (error instanceof ImageError) return failure(`image-${error.code}`, messageOf(error));
    if (!(error instanceof ChatError)) throw error;
    return failure(error.cause === undefined ? 'request-refused' : 'server-failed', messageOf(error));
  }
}

function timingOf(
  question: Question,
  { reply, firstTokenMs, totalMs }: TimedReply,
  decodeImageMs: number,
): BatchTiming {
  const newTokens = reply.completionTokens ?? 0;
  return {
    warmup: false, // the test question was the first
    rows: [question.index],
    images: question.image === null ? 0 : 1,
    questions: 1,
    visualTokens: null,
    promptTokens: reply.promptTokens ?? 0,
    newTokens,
    steps: newTokens,
    decodeImageMs,
    visionMs: null,
    generateMs: totalMs,
    prefillMs: null,
    firstTokenMs,
  };
}

/** Writing to disk takes longer than some answers do: what comes in meanwhile is written together. */
function gathered(record: AnswerWork['record']): (one: Answered) => Promise<void> {
  let waiting: Answered[] = [];
  const write = oneByOne(async () => {
    const some = waiting;
    waiting = [];
    if (some.length === 0) return;
    await record(
      some.map(({ prediction }) => prediction),
      some.flatMap(({ timing }) => timing ?? []),
    );
  });
  return (one) => {
    waiting.push(one);
    return write();
  };
}

function tooManyFailures(last: Prediction): UserError {
  const reason = last.text === null ? last.error.message : '';
  return new UserError(
    `${MAX_FAILURES_IN_A_ROW} questions in a row have no answer; the last: ${reason}. Earlier answers are kept. Fix the ` +
      'cause and rerun the command.',
  );
}
