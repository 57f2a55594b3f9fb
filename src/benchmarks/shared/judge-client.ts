import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import { messageOf, UserError, usageError } from '../../shared/errors.js';
import { COUNT, nullable, schemaCheck, TEXT } from '../../shared/json-schema.js';
import { parseJson } from '../../shared/parse-json.js';
import { boundedBody } from '../../shared/response-body.js';

/** A language model behind a server that speaks OpenAI's /chat/completions. */
export interface JudgeServer {
  /** Such as https://api.openai.com/v1. */
  baseUrl: string;
  model: string;
  /** Environment variable with the key; without it no key is sent. The key itself is never printed or stored. */
  apiKeyEnv?: string;
  /** For one request; default 60 s. */
  timeoutMs?: number;
  /** Further tries after a failure that may pass; default 6. */
  retries?: number;
  /** Pause before the first retry, doubled for each further one; default 1 s. A Retry-After comes on top. */
  backoffMs?: number;
}

export interface JudgeQuestion {
  text: string;
  maxTokens: number;
  temperature: number;
}

export interface JudgeReply {
  /** null when the model said nothing, as some do when they refuse. */
  content: string | null;
  /** The model as the server names it, often with its date. */
  model: string;
  /** 0 where the server does not count. */
  promptTokens: number;
  completionTokens: number;
}

/** Asks the judge one question. @throws JudgeError when it gives no reply */
export type AskJudge = (question: JudgeQuestion, signal: AbortSignal) => Promise<JudgeReply>;

/** A request that got no reply. */
export class JudgeError extends Error {
  override name = 'JudgeError';

  constructor(
    message: string,
    /** Which requests it is about: this attempt (another may do), this question, or all. */
    readonly concerns: 'attempt' | 'question' | 'server',
    readonly retryAfterMs = 0,
  ) {
    super(message);
  }
}

const TIMEOUT_MS = 60_000;
const RETRIES = 6;
const BACKOFF_MS = 1000;
const MAX_RETRY_AFTER_MS = 120_000; // a server that wants a longer pause is out of service for us
const MAX_MESSAGE_LENGTH = 300;
/** Far above a completion of a few hundred tokens. */
const MAX_ANSWER_BYTES = 4 << 20;

/** What is used of a chat completion. */
interface Completion {
  model?: string;
  choices: { message: { content?: string | null } }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
}

const completionCheck = schemaCheck<Completion>({
  type: 'object',
  properties: {
    model: TEXT,
    choices: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        properties: { message: { type: 'object', properties: { content: nullable(TEXT) } } },
        required: ['message'],
      },
    },
    usage: nullable({ type: 'object', properties: { prompt_tokens: COUNT, completion_tokens: COUNT } }),
  },
  required: ['choices'],
});

/**
 * Connects nothing yet: checks the address and takes the key from the environment.
 * Too many requests (429), errors of the server (5xx), cut connections and timeouts are tried again.
 * @throws UserError when the address is none or the environment variable is empty
 */
export function connectJudge(server: JudgeServer): AskJudge {
  const url = completionsUrl(server.baseUrl);
  const headers = { 'content-type': 'application/json', ...authorization(server.apiKeyEnv) };
  return (question, signal) =>
    pRetry(() => askOnce(url, headers, server, question, signal), {
      retries: server.retries ?? RETRIES,
      minTimeout: server.backoffMs ?? BACKOFF_MS,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => !(error instanceof JudgeError) || error.concerns === 'attempt',
      async onFailedAttempt({ error, retriesLeft }) {
        if (retriesLeft > 0 && error instanceof JudgeError) await delay(error.retryAfterMs, undefined, { signal });
      },
    });
}

function completionsUrl(baseUrl: string): string {
  const url = `${baseUrl.replace(/\/+$/, '')}/chat/completions`;
  if (/^https?:/i.test(url) && URL.canParse(url)) return url;
  throw usageError(`${JSON.stringify(baseUrl)} is no address of a judge; it should be like https://api.openai.com/v1.`);
}

function authorization(apiKeyEnv: string | undefined): Record<string, string> {
  if (apiKeyEnv === undefined) return {};
  const key = process.env[apiKeyEnv]?.trim();
  if (key) return { authorization: `Bearer ${key}` };
  throw new UserError(`The environment variable ${apiKeyEnv} is empty. Put the judge's API key into it.`);
}

async function askOnce(
  url: string,
  headers: Record<string, string>,
  { model, timeoutMs = TIMEOUT_MS }: JudgeServer,
  { text, maxTokens, temperature }: JudgeQuestion,
  signal: AbortSignal,
): Promise<JudgeReply> {
  const messages = [{ role: 'user', content: text }];
  // Not AbortSignal.timeout within AbortSignal.any: Node 20 may collect such a signal before it fires, and then waits for ever.
  const request = new AbortController();
  const stop = (): void => request.abort(signal.reason);
  const timer = setTimeout(() => request.abort(new DOMException('', 'TimeoutError')), timeoutMs);
  signal.addEventListener('abort', stop);
  try {
    signal.throwIfAborted();
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ model, messages, max_tokens: maxTokens, temperature }),
      signal: request.signal,
    });
    const body = (await boundedBody(response, MAX_ANSWER_BYTES)).toString('utf8');
    if (!response.ok) throw refusal(url, response, body);
    return replyOf(url, body, model);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof JudgeError) throw error;
    const isTimeout = error instanceof DOMException && error.name === 'TimeoutError';
    const cause = error instanceof Error && error.cause !== undefined ? ` (${messageOf(error.cause)})` : '';
    const problem = isTimeout ? `no answer within ${timeoutMs / 1000} s` : `${messageOf(error)}${cause}`;
    throw new JudgeError(`POST ${url}: ${problem}`, 'attempt');
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

function replyOf(url: string, body: string, model: string): JudgeReply {
  const completion = parse(body);
  if (!completionCheck.fits(completion)) {
    throw new JudgeError(`POST ${url}: the answer is no chat completion: ${shortened(body)}`, 'attempt');
  }
  return {
    content: completion.choices[0]!.message.content ?? null,
    model: completion.model ?? model,
    promptTokens: completion.usage?.prompt_tokens ?? 0,
    completionTokens: completion.usage?.completion_tokens ?? 0,
  };
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function refusal(url: string, { status, headers }: Response, body: string): JudgeError {
  const message = `POST ${url}: ${status} ${shortened(body)}`;
  // OpenAI says 429 to an account without credit, too; no pause mends that.
  const lacksCredit = body.includes('insufficient_quota');
  if (lacksCredit || [401, 403, 404].includes(status)) return new JudgeError(message, 'server');
  const mayPass = status >= 500 || [408, 409, 429].includes(status);
  if (!mayPass) return new JudgeError(message, 'question');
  const waitMs = retryAfter(headers.get('retry-after'));
  if (waitMs <= MAX_RETRY_AFTER_MS) return new JudgeError(message, 'attempt', waitMs);
  return new JudgeError(`${message} (try again in ${Math.ceil(waitMs / 1000)} s)`, 'server');
}

/** @param header seconds, or a date @returns milliseconds */
function retryAfter(header: string | null): number {
  if (header === null) return 0;
  const ms = /^\d+(?:\.\d+)?$/.test(header) ? 1000 * Number(header) : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}

/** Without line breaks, and without characters that a terminal would obey. */
function shortened(body: string): string {
  const line = body.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > MAX_MESSAGE_LENGTH ? `${line.slice(0, MAX_MESSAGE_LENGTH)} ...` : line;
}
