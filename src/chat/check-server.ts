import { messageOf, UserError } from '../shared/errors.js';
import { fixedLimit } from './adaptive-limit.js';
import type { ChatClient } from './chat-client.js';
import type { ChatReply, ChatRequest } from './chat-completion.js';
import { openChatPool } from './chat-pool.js';
import { describeServer, type ServerDescription } from './describe-server.js';

/** A server that is not there is noticed within a few seconds; one that is starting up is waited for. */
const RETRY = { retries: 3, minTimeoutMs: 1000 };

/** Models on a CPU take minutes for a picture; the user should not wonder why. */
const QUIET_MS = 10_000;

/**
 * Asks a server a question, to find out before any work whether it can be used, and what it says about itself.
 * @param question for the message: "a test question about an image"
 * @param onNotice told of every pause before another try
 * @throws UserError with the reason and, if the model is not among them, the models that the server offers
 */
export async function askTestQuestion(
  client: ChatClient,
  request: ChatRequest,
  { question, signal, onNotice }: { question: string; signal: AbortSignal; onNotice: (message: string) => void },
): Promise<{ reply: ChatReply; description: ServerDescription }> {
  const pool = openChatPool([client], { limitOf: () => fixedLimit(1), onNotice, retry: RETRY });
  const waiting = setTimeout(() => onNotice(`Waiting for ${client.baseUrl} to answer ${question}.`), QUIET_MS);
  const about = describeServer(client, signal).catch(() => ({ description: {}, models: null }));
  try {
    const { reply } = await pool.ask(async () => request, signal);
    return { reply, description: (await about).description };
  } catch (error) {
    signal.throwIfAborted();
    const { models } = await about;
    const offered =
      models === null || models.includes(client.model) ? '' : ` It offers ${models.join(', ') || 'no model'}.`;
    const [lost] = pool.lost(); // the pool's own error speaks of answers, of which there are none yet
    const reason = lost === undefined ? messageOf(error) : `${lost}.`;
    throw new UserError(`${client.baseUrl} did not answer ${question}: ${reason}${offered}`, { cause: error });
  } finally {
    clearTimeout(waiting);
  }
}
