import { UserError, usageError } from '../../shared/errors.js';
import { type PostAnswer, postJson } from '../../shared/http/post-json.js';
import { DEFAULT_RETRY, isTemporaryStatus, retryTemporary, TemporaryFailure } from '../../shared/http/retry.js';
import { COUNT, nullable, schemaCheck, TEXT } from '../../shared/json-schema.js';
import { parseJson } from '../../shared/parse-json.js';

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

/** A request that got no reply, after all retries. */
export class JudgeError extends Error {
  override name = 'JudgeError';

  constructor(
    message: string,
    /** Whether another question may do, or none will. */
    readonly concerns: 'question' | 'server',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

const TIMEOUT_MS = 60_000;
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
 * Too many requests (429), errors of the server (5xx), cut connections, timeouts and answers that are no chat completion
 * are tried again.
 * @throws UserError when the address is none or the environment variable is empty
 */
export function connectJudge(server: JudgeServer): AskJudge {
  const url = completionsUrl(server.baseUrl);
  const key = keyOf(server.apiKeyEnv);
  const { retries, minTimeoutMs } = DEFAULT_RETRY;
  const policy = { retries: server.retries ?? retries, minTimeoutMs: server.backoffMs ?? minTimeoutMs };
  return async (question, signal) => {
    try {
      return await retryTemporary(() => askOnce(url, key, server, question, signal), policy, signal);
    } catch (error) {
      if (error instanceof UserError) throw new JudgeError(error.message, 'server', { cause: error });
      if (!(error instanceof TemporaryFailure)) throw error;
      if (error.isWorthWaiting) throw new JudgeError(error.message, 'question', { cause: error });
      const message = `${error.message} (try again in ${Math.ceil(error.retryAfterMs / 1000)} s)`;
      throw new JudgeError(message, 'server', { cause: error });
    }
  };
}

function completionsUrl(baseUrl: string): string {
  const url = `${baseUrl.replace(/\/+$/, '')}/chat/completions`;
  if (/^https?:/i.test(url) && URL.canParse(url)) return url;
  throw usageError(`${JSON.stringify(baseUrl)} is no address of a judge; it should be like https://api.openai.com/v1.`);
}

function keyOf(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const key = process.env[variable]?.trim();
  if (key) return key;
  throw new UserError(`The environment variable ${variable} is empty. Put the judge's API key into it.`);
}

async function askOnce(
  url: string,
  key: string | undefined,
  { model, timeoutMs = TIMEOUT_MS }: JudgeServer,
  { text, maxTokens, temperature }: JudgeQuestion,
  signal: AbortSignal,
): Promise<JudgeReply> {
  const messages = [{ role: 'user', content: text }];
  const request = { model, messages, max_tokens: maxTokens, temperature };
  const answer = await postJson(url, request, { key, timeoutMs, maxBytes: MAX_ANSWER_BYTES, signal });
  if (answer.status < 200 || answer.status > 299) throw refusal(url, answer);
  return replyOf(url, answer.text, model);
}

function replyOf(url: string, body: string, model: string): JudgeReply {
  const completion = parse(body);
  if (!completionCheck.fits(completion)) {
    throw new TemporaryFailure(`POST ${url}: the answer is no chat completion: ${shortened(body)}`);
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

function refusal(url: string, { status, text, retryAfterMs, location }: PostAnswer): Error {
  const message = `POST ${url}: ${status} ${location === null ? shortened(text) : `leads to ${shortened(location)}`}`;
  // OpenAI also says 429 to an account without credit; no pause mends that.
  const lacksCredit = text.includes('insufficient_quota');
  if (lacksCredit || [401, 403, 404].includes(status) || status < 400) return new JudgeError(message, 'server');
  // OpenAI's own clients take 409 for a lock that will be free.
  if (isTemporaryStatus(status) || status === 409) return new TemporaryFailure(message, retryAfterMs);
  return new JudgeError(message, 'question');
}

/** Without line breaks, and without characters that a terminal would obey. */
function shortened(body: string): string {
  const line = body.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > MAX_MESSAGE_LENGTH ? `${line.slice(0, MAX_MESSAGE_LENGTH)} ...` : line;
}
