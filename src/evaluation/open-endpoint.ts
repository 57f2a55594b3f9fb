import { createHash } from 'node:crypto';
import { readApiKey } from '../chat/api-key.js';
import { type ChatClient, openChatClient } from '../chat/chat-client.js';
import type { ChatMessage, ChatReply, ChatRequest } from '../chat/chat-completion.js';
import { askTestQuestion } from '../chat/check-server.js';
import { imageFormat } from '../model/images/decode-image.js';
import type { OptionValue } from '../results/runs/run-identity.js';
import { UserError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { redactText } from '../shared/redact.js';
import sharp from '../shared/sharp.js';
import type { AnswererIdentity } from './answerer.js';

/** Which served model is asked. */
export interface EndpointChoice {
  /** Base URLs of servers with the same model, such as http://localhost:8000/v1. */
  urls: readonly string[];
  model: string;
  /** Environment variable that holds the key; without it none is sent. */
  keyVariable?: string | undefined;
  /** Before the user's turn (default: none; the server's chat template may add its own). */
  systemPrompt?: string | undefined;
  /** For one request. */
  timeoutMs: number;
}

/** Servers that were found to answer questions about images. */
export interface Endpoint {
  clients: readonly ChatClient[];
  identity: AnswererIdentity;
  /** For the record. */
  settings: Record<string, OptionValue>;
  /** The request for a question. @param image null for a question without an image */
  /** @param system replaces the system prompt that was chosen for all questions */
  request(text: string, image: Uint8Array | null, maxTokens: number, system?: string): ChatRequest;
}

/** Asked for, although not every server heeds it. */
const SEED = 0;
const CHECK_TOKENS = 16;

/**
 * Checks that every server answers a question about an image, and learns what it says about itself.
 * @throws UserError when a server is not there, refuses the key, the model or images, or differs from the others
 */
export async function openEndpoint(choice: EndpointChoice, signal: AbortSignal): Promise<Endpoint> {
  const { urls, model, timeoutMs, systemPrompt } = choice;
  const key = readApiKey(choice.keyVariable, 'server');
  const clients = urls.map((baseUrl) => openChatClient({ baseUrl, model, key, timeoutMs }));
  const request: Endpoint['request'] = (text, image, maxTokens, system = systemPrompt) => ({
    messages: messagesOf(text, image, system),
    ...{ maxTokens, temperature: 0, seed: SEED, stream: true },
  });
  const png = await testImage();
  const checkRequest = request(
    'What colour is this?\nAnswer the question using a single word or phrase.',
    png,
    CHECK_TOKENS,
  );
  const checked = await Promise.all(clients.map((client) => checkServer(client, checkRequest, signal)));
  const [first] = checked;
  for (const [i, { server }] of checked.entries()) checkSame(urls[0]!, first!.server, urls[i]!, server);
  if (first!.reply.completionTokens === null) {
    say('warn', 'The server does not count tokens: there will be no tokens per second and no cost.');
  }
  if (checked.some(({ reply }) => /^\s*<think/.test(reply.content ?? ''))) {
    say(
      'warn',
      "The model's thoughts are part of its answers and will be scored with them. Start the server with a reasoning parser, or turn thinking off.",
    );
  }
  return {
    clients,
    identity: identityOf(model, first!.server, systemPrompt),
    settings: {
      endpoint: urls.map(redactText).join(','),
      fingerprint: first!.reply.fingerprint,
      reproducible: false, // servers batch requests as they come
    },
    request,
  };
}

/** The image first, as its bytes are, then the text: the order of LLaVA's prompts. */
function messagesOf(text: string, image: Uint8Array | null, systemPrompt: string | undefined): ChatMessage[] {
  const system: ChatMessage[] = systemPrompt === undefined ? [] : [{ role: 'system', content: systemPrompt }];
  if (image === null) return [...system, { role: 'user', content: text }];
  // Of a format that is not known, the server may say more.
  const type = `image/${imageFormat(image) ?? 'jpeg'}`;
  const url = `data:${type};base64,${Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString('base64')}`;
  const content = [
    { type: 'image_url' as const, image_url: { url } },
    { type: 'text' as const, text },
  ];
  return [...system, { role: 'user', content }];
}

function testImage(): Promise<Uint8Array> {
  return sharp({ create: { width: 64, height: 64, channels: 3, background: '#c02020' } })
    .png()
    .toBuffer();
}

async function checkServer(
  client: ChatClient,
  request: ChatRequest,
  signal: AbortSignal,
): Promise<{ server: Record<string, OptionValue>; reply: ChatReply }> {
  const { reply, description } = await askTestQuestion(client, request, {
    question: 'a test question about an image',
    signal,
    onNotice: (message) => say('warn', message),
  });
  const { temperature, seed } = client.dialect;
  const server = {
    ...description,
    ...{ model: reply.model, temperature: temperature ? 0 : null, seed: seed ? SEED : null },
  };
  return { server, reply };
}

function checkSame(
  url: string,
  server: Record<string, OptionValue>,
  otherUrl: string,
  other: Record<string, OptionValue>,
): void {
  for (const name of new Set([...Object.keys(server), ...Object.keys(other)])) {
    if (server[name] === other[name]) continue;
    throw new UserError(
      `The servers differ and cannot share a run: ${name} is ${JSON.stringify(server[name] ?? null)} at ${url} and ` +
        `${JSON.stringify(other[name] ?? null)} at ${otherUrl}.`,
    );
  }
}

function identityOf(
  name: string,
  description: Record<string, OptionValue>,
  systemPrompt: string | undefined,
): AnswererIdentity {
  const server: Record<string, OptionValue> = {
    ...description,
    ...(systemPrompt === undefined ? {} : { systemPrompt }),
  };
  const sorted = Object.entries(server).sort(([a], [b]) => (a < b ? -1 : 1));
  const { precision } = server;
  return {
    model: {
      name,
      family: 'served',
      resolution: null,
      precision: typeof precision === 'string' ? precision : 'unknown',
      weightsHash: createHash('sha256')
        .update(JSON.stringify([name, sorted]))
        .digest('hex'),
      graphVersion: null,
    },
    device: 'server',
    preprocessingVersion: null,
    generation: { method: server['temperature'] === 0 ? 'greedy' : 'sampling' },
    server,
  };
}
