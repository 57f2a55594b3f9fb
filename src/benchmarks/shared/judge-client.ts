import { fixedLimit } from '../../chat/adaptive-limit.js';
import { readApiKey } from '../../chat/api-key.js';
import { type ChatClient, openChatClient } from '../../chat/chat-client.js';
import type { ChatRequest } from '../../chat/chat-completion.js';
import { openChatPool } from '../../chat/chat-pool.js';
import { askTestQuestion } from '../../chat/check-server.js';
import { DEFAULT_RETRY } from '../../shared/http/retry.js';

/** A language model on a server with OpenAI's /chat/completions API. */
export interface JudgeServer {
  /** For example https://api.openai.com/v1. */
  baseUrl: string;
  model: string;
  /** Environment variable with the key (default: no key is sent). The key itself is never printed or stored. */
  apiKeyEnv?: string;
  /** For one request (default: 60 s). */
  timeoutMs?: number;
  /** Further tries after a failure that may pass (default: 6). */
  retries?: number;
  /** Pause before the first retry, doubled for each further one (default: 1 s). A Retry-After comes on top. */
  backoffMs?: number;
}

export interface JudgeQuestion {
  text: string;
  maxTokens: number;
  temperature: number;
}

export interface JudgeReply {
  /** null when the model returned no text, as some do when they refuse. */
  content: string | null;
  /** The model's name according to the server, often with a date. */
  model: string;
  /** 0 if the server does not report it. */
  promptTokens: number;
  completionTokens: number;
}

/** Asks the judge one question. @throws ChatError when it gives no reply; UserError when the server is gone */
export type AskJudge = (question: JudgeQuestion, signal: AbortSignal) => Promise<JudgeReply>;

const TIMEOUT_MS = 60_000;

/** Checks address and key. @throws UserError when the address is not one or the environment variable is empty */
function openJudge({ baseUrl, model, apiKeyEnv, timeoutMs = TIMEOUT_MS }: JudgeServer): ChatClient {
  return openChatClient({ baseUrl, model, key: readApiKey(apiKeyEnv, 'judge'), timeoutMs });
}

/** A judge that takes longer may be loading its model, and is waited for when there are answers to grade. */
const PATIENCE_MS = 8000;

/**
 * Asks the judge a question before there is anything to grade. One that says nothing for `patienceMs` is only pointed out.
 * @param onNotice called with what happens to the server, in a sentence for the user
 * @throws UserError when the judge cannot be used
 */
export async function checkJudge(
  server: JudgeServer,
  question: JudgeQuestion,
  {
    signal,
    onNotice,
    patienceMs = PATIENCE_MS,
  }: { signal: AbortSignal; onNotice: (message: string) => void; patienceMs?: number },
): Promise<void> {
  const patience = AbortSignal.timeout(patienceMs);
  const about = { question: 'a test question to the judge', signal: AbortSignal.any([signal, patience]), onNotice };
  try {
    await askTestQuestion(openJudge(server), requestFor(question), about);
  } catch (error) {
    if (signal.aborted || error !== patience.reason) throw error;
    onNotice(
      `The judge at ${server.baseUrl} did not answer a test question within ${patienceMs / 1000} s. Continuing.`,
    );
  }
}

/**
 * Connects nothing yet: checks the address and takes the key from the environment.
 * Too many requests (429), errors of the server (5xx), cut connections, timeouts and answers that are no chat
 * completion are tried again.
 * @param concurrency requests at a time; further ones wait
 * @param onNotice called with what happens to the server, in a sentence for the user
 * @throws UserError when the address is not one or the environment variable is empty
 */
export function connectJudge(
  server: JudgeServer,
  { concurrency, onNotice = () => {} }: { concurrency: number; onNotice?: ((message: string) => void) | undefined },
): AskJudge {
  const client = openJudge(server);
  const { retries, minTimeoutMs } = DEFAULT_RETRY;
  const pool = openChatPool([client], {
    limitOf: () => fixedLimit(concurrency),
    onNotice,
    retry: { retries: server.retries ?? retries, minTimeoutMs: server.backoffMs ?? minTimeoutMs },
  });
  return async (question, signal) => {
    const { reply } = await pool.ask(async () => requestFor(question), signal);
    const { content, model, promptTokens, completionTokens } = reply;
    return {
      content,
      model: model ?? server.model,
      promptTokens: promptTokens ?? 0,
      completionTokens: completionTokens ?? 0,
    };
  };
}

function requestFor({ text, maxTokens, temperature }: JudgeQuestion): ChatRequest {
  return { messages: [{ role: 'user', content: text }], maxTokens, temperature };
}
