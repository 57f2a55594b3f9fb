import { createParser } from 'eventsource-parser';
import { TemporaryFailure } from '../shared/http/retry.js';
import { nullable, schemaCheck, TEXT } from '../shared/json-schema.js';
import { parseJson } from '../shared/parse-json.js';
import type { Dialect } from './dialect.js';

/* The format of OpenAI's /chat/completions: https://platform.openai.com/docs/api-reference/chat */

export interface ChatMessage {
  role: 'system' | 'user';
  content: string | ContentPart[];
}

export type ContentPart = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } };

export interface ChatRequest {
  messages: readonly ChatMessage[];
  maxTokens: number;
  temperature: number;
  seed?: number;
  /** Stream the answer, to measure when its first token arrives. */
  stream?: boolean;
}

export interface ChatReply {
  /** null when the model returned nothing, as some do when they refuse. */
  content: string | null;
  /** Why it ended: `stop`, `length`, `content_filter` or a server's own reason; null if the server gives none. */
  finishReason: string | null;
  /** The model name reported by the server, often with a date; null if it reports none. */
  model: string | null;
  /** Identifies the server's configuration; null if the server does not report it. */
  fingerprint: string | null;
  /** As reported by the server, image tokens included; null if it does not report them. */
  promptTokens: number | null;
  completionTokens: number | null;
}

/** The JSON to send. */
export function completionRequest(
  model: string,
  { messages, maxTokens, temperature, seed, stream }: ChatRequest,
  dialect: Dialect,
): object {
  return {
    model,
    messages,
    [dialect.maxTokens]: maxTokens,
    ...(dialect.temperature ? { temperature } : {}),
    ...(dialect.seed && seed !== undefined ? { seed } : {}),
    ...(stream && dialect.stream ? { stream: true } : {}),
    ...(stream && dialect.stream && dialect.streamOptions ? { stream_options: { include_usage: true } } : {}),
  };
}

/** The fields used of a completion, or of a streamed chunk of one. */
interface Completion {
  model?: string | null;
  system_fingerprint?: string | null;
  choices: {
    message?: Said | null;
    delta?: Said | null;
    finish_reason?: string | null;
  }[];
  usage?: { prompt_tokens?: number | null; completion_tokens?: number | null } | null;
}

interface Said {
  content?: string | null;
  refusal?: string | null;
}

const count = { type: ['integer', 'null'], minimum: 0 };
const said = {
  type: ['object', 'null'],
  properties: { content: nullable(TEXT), refusal: nullable(TEXT) },
};
const completionCheck = schemaCheck<Completion>({
  type: 'object',
  properties: {
    model: nullable(TEXT),
    system_fingerprint: nullable(TEXT),
    choices: {
      type: 'array',
      items: { type: 'object', properties: { message: said, delta: said, finish_reason: nullable(TEXT) } },
    },
    usage: nullable({ type: 'object', properties: { prompt_tokens: count, completion_tokens: count } }),
  },
  required: ['choices'],
});

/** An error that a server sends with status 200, in a stream or instead of a completion. */
interface SentError {
  error: { message?: string; code?: number | string | null };
}

const errorCheck = schemaCheck<SentError>({
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: { message: TEXT, code: { type: ['integer', 'string', 'null'] } },
    },
  },
  required: ['error'],
});

/** A server reports an error in the body of a successful response. */
export class ReportedError extends Error {
  override name = 'ReportedError';

  constructor(
    message: string,
    /** HTTP status; 500 if the server does not give one. */
    readonly status: number,
  ) {
    super(message);
  }
}

/** @throws TemporaryFailure when the text is not a chat completion; ReportedError */
export function parseCompletion(text: string): ChatReply {
  const value = parsed(text);
  const reply = startReply();
  reply.add(value, 'message');
  if (!reply.hasChoice()) throw new TemporaryFailure('the answer is not a chat completion');
  return whole(reply.reply());
}

/** @throws TemporaryFailure for a part of an answer: vLLM, SGLang and OpenRouter say so in the finish reason */
function whole(reply: ChatReply): ChatReply {
  if (!/^(abort|error)$/.test(reply.finishReason ?? '')) return reply;
  throw new TemporaryFailure(`the server broke the answer off (finish reason ${reply.finishReason})`);
}

/** Collects a streamed completion (server-sent events). */
export interface StreamedReply {
  /** Takes the next part of the stream. @throws TemporaryFailure when it is malformed; ReportedError */
  push(part: string): void;
  /** The whole reply. @throws TemporaryFailure when the stream was cut off before the reply was complete */
  end(): ChatReply;
}

/** @param onFirstToken called when the first text of the reply arrives */
export function readStreamedReply(onFirstToken: () => void): StreamedReply {
  const reply = startReply();
  let isComplete = false;
  let isFirst = true;
  const parser = createParser({
    onEvent({ data }) {
      if (data.trim() === '[DONE]') {
        isComplete = true;
        return;
      }
      const added = reply.add(parsed(data), 'delta');
      if (added && isFirst) {
        isFirst = false;
        onFirstToken();
      }
    },
  });
  return {
    push: (part) => parser.feed(part),
    end() {
      // Some servers end without [DONE]; the finish reason comes with the last token.
      if (!reply.hasChoice() || !(isComplete || reply.reply().finishReason !== null)) {
        throw new TemporaryFailure('the stream was cut off before the answer was complete');
      }
      return whole(reply.reply());
    },
  };
}

function startReply() {
  const reply: ChatReply = {
    ...{ content: null, finishReason: null, model: null, fingerprint: null },
    ...{ promptTokens: null, completionTokens: null },
  };
  let hasChoice = false;
  return {
    /** @returns whether it contains text */
    add(value: unknown, part: 'message' | 'delta'): boolean {
      if (errorCheck.fits(value)) throw reportedError(value);
      if (!completionCheck.fits(value)) throw new TemporaryFailure('the answer is not a chat completion');
      const { model, system_fingerprint, choices, usage } = value;
      reply.model = model ?? reply.model;
      reply.fingerprint = system_fingerprint ?? reply.fingerprint;
      reply.promptTokens = usage?.prompt_tokens ?? reply.promptTokens;
      reply.completionTokens = usage?.completion_tokens ?? reply.completionTokens;
      const choice = choices[0]; // absent in the chunk that has the usage
      const said = choice?.[part];
      if (said) hasChoice = true;
      reply.finishReason = choice?.finish_reason ?? reply.finishReason;
      const text = said?.content ?? said?.refusal ?? null; // a refusal counts as the model's answer
      if (text !== null) reply.content = (reply.content ?? '') + text;
      return text !== null && text !== '';
    },
    hasChoice: () => hasChoice,
    reply: () => reply,
  };
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    throw new TemporaryFailure('the answer is not JSON');
  }
}

function reportedError({ error: { message, code } }: SentError): ReportedError {
  const status = Number(code);
  return new ReportedError(message ?? 'an error without a message', status >= 400 && status < 600 ? status : 500);
}
