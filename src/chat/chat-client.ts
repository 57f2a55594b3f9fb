import { UserError, usageError } from '../shared/errors.js';
import { getText, type HttpAnswer, hideKey, postJson } from '../shared/http/exchange.js';
import { isTemporaryStatus, TemporaryFailure } from '../shared/http/retry.js';
import {
  type ChatReply,
  type ChatRequest,
  completionRequest,
  parseCompletion,
  ReportedError,
  readStreamedReply,
} from './chat-completion.js';
import { adaptDialect, COMMON_DIALECT, type Dialect } from './dialect.js';

/** A model behind a server that speaks OpenAI's chat completions. */
export interface ChatServer {
  /** Such as https://api.openai.com/v1. */
  baseUrl: string;
  model: string;
  /** Sent as `Authorization: Bearer`. Never printed or stored. */
  key?: string | undefined;
  /** For one request. */
  timeoutMs: number;
}

export interface TimedReply {
  reply: ChatReply;
  /** From sending the request to the first text of the answer; null if the server does not stream. */
  firstTokenMs: number | null;
  /** To the end of the answer. */
  totalMs: number;
}

/** A request that the server rejects and that is not worth sending again. */
export class ChatError extends Error {
  override name = 'ChatError';

  constructor(
    message: string,
    /** Whether only this question fails, or every request to this server would. */
    readonly concerns: 'question' | 'server',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface ChatClient {
  readonly baseUrl: string;
  readonly model: string;
  /** The parameters that the server accepts, as learnt from its rejections. */
  readonly dialect: Dialect;
  /**
   * Asks once. Parameters that the server rejects are left out from then on.
   * @throws TemporaryFailure when a retry may succeed; ChatError otherwise; the signal's reason when it is aborted
   */
  ask(request: ChatRequest, signal: AbortSignal): Promise<TimedReply>;
  /** The text at a URL of the server; null unless it answers with success. @throws as `ask` when the server cannot be reached */
  get(url: string, signal: AbortSignal): Promise<string | null>;
  /** A text without the server's key, which servers may repeat. */
  withoutKey(text: string): string;
}

const MAX_MESSAGE_LENGTH = 300;
/** Far more than a completion of a thousand tokens, each in an event of its own. */
const MAX_ANSWER_BYTES = 8 << 20;
/** Short, because a server describes itself without running the model. */
const ABOUT_TIMEOUT_MS = 10_000;

/** Does not connect yet. @throws UserError (usage) when the base URL is invalid */
export function openChatClient({ baseUrl, model, key, timeoutMs }: ChatServer): ChatClient {
  const base = baseUrl.replace(/\/+$/, '');
  const url = `${base}/chat/completions`;
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw usageError(`${JSON.stringify(baseUrl)} is not a server URL; it should look like http://localhost:8000/v1.`);
  }
  let dialect = COMMON_DIALECT;
  const askOnce = async (request: ChatRequest, used: Dialect, signal: AbortSignal): Promise<TimedReply | null> => {
    const start = performance.now();
    let firstTokenMs: number | null = null;
    const stream = readStreamedReply(() => {
      firstTokenMs = performance.now() - start;
    });
    const isStreamed = request.stream === true && used.stream;
    let streamFailure: unknown = null;
    const onPart = (part: string): void => {
      if (streamFailure !== null) return;
      try {
        stream.push(part);
      } catch (error) {
        streamFailure = error; // handled below, once the media type is known
      }
    };
    const answer = await postJson(url, completionRequest(model, request, used), {
      ...{ key, timeoutMs, maxBytes: MAX_ANSWER_BYTES, signal },
      ...(isStreamed ? { onPart } : {}),
    });
    const totalMs = performance.now() - start;
    if (answer.status < 200 || answer.status > 299) {
      if (answer.status !== 400 && answer.status !== 422) throw refusal(url, answer, key);
      const adapted = adaptDialect(used, answer.text);
      if (adapted === null) throw refusal(url, answer, key);
      if (dialect === used) dialect = adapted; // unless another request learnt it before
      return null;
    }
    try {
      if (!isStreamed || answer.mediaType !== 'text/event-stream') {
        return { reply: withoutKey(parseCompletion(answer.text), key), firstTokenMs: null, totalMs };
      }
      if (streamFailure !== null) throw streamFailure;
      return { reply: withoutKey(stream.end(), key), firstTokenMs, totalMs };
    } catch (error) {
      if (error instanceof ReportedError) {
        const text = hideKey(error.message, key);
        throw refusal(url, { ...answer, status: error.status, text, location: null }, key);
      }
      if (!(error instanceof TemporaryFailure)) throw error;
      throw new TemporaryFailure(`POST ${url}: ${error.message}: ${shortened(answer.text)}`);
    }
  };
  return {
    baseUrl: base,
    model,
    get dialect() {
      return dialect;
    },
    async ask(request, signal) {
      for (;;) {
        const timed = await hostErrors(askOnce(request, dialect, signal));
        if (timed !== null) return timed;
      }
    },
    async get(address, signal) {
      const options = { key, timeoutMs: Math.min(timeoutMs, ABOUT_TIMEOUT_MS), maxBytes: MAX_ANSWER_BYTES, signal };
      const { status, text } = await hostErrors(getText(address, options));
      return status >= 200 && status < 300 ? text : null;
    },
    withoutKey: (text) => hideKey(text, key),
  };
}

/** A host that does not exist or cannot be trusted fails every request. */
async function hostErrors<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof UserError ? new ChatError(error.message, 'server', { cause: error }) : error;
  }
}

/** A server may repeat the key anywhere, in an answer as in the name of its model. */
function withoutKey(reply: ChatReply, key: string | undefined): ChatReply {
  const hide = (text: string | null): string | null => (text === null ? null : hideKey(text, key));
  const { content, finishReason, model, fingerprint } = reply;
  return {
    ...reply,
    ...{ content: hide(content), finishReason: hide(finishReason), model: hide(model), fingerprint: hide(fingerprint) },
  };
}

function refusal(url: string, { status, text, retryAfterMs, location }: HttpAnswer, key: string | undefined): Error {
  const why = status === 401 ? ` (${key ? 'the API key was refused' : 'an API key is needed'})` : '';
  const said = location === null ? shortened(text) : `leads to ${shortened(hideKey(location, key))}`;
  const message = `POST ${url}: ${status}${why} ${said}`;
  // OpenAI also sends 429 to accounts without credit; waiting does not help.
  const lacksCredit = text.includes('insufficient_quota');
  if (lacksCredit || [401, 403, 404, 405].includes(status) || status < 400) return new ChatError(message, 'server');
  // OpenAI's own clients retry 409 as a lock timeout.
  if (isTemporaryStatus(status) || status === 409) {
    const kind = status === 429 || status === 503 || status === 529 ? 'overloaded' : 'broken';
    return new TemporaryFailure(message, retryAfterMs, { kind });
  }
  return new ChatError(message, 'question');
}

/** On one line, without control characters. */
function shortened(body: string): string {
  const line = body.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > MAX_MESSAGE_LENGTH ? `${line.slice(0, MAX_MESSAGE_LENGTH)} ...` : line;
}
