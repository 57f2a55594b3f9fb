import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChatMessage } from '../../src/chat/chat-completion.js';

/** A request as the server got it. */
export interface Asked {
  model: string;
  messages: ChatMessage[];
  max_tokens?: number;
  max_completion_tokens?: number;
  temperature?: number;
  seed?: number;
  stream?: boolean;
  stream_options?: { include_usage: boolean };
}

/** What the server does with a request; `answer` says a text properly. */
export type Behaviour = (request: { asked: Asked; count: number }, response: ServerResponse) => void | Promise<void>;

export interface TestServer {
  url: string;
  asked: Asked[];
  keys: Set<string | undefined>;
  /** Most requests that were being answered at the same time. */
  mostAtOnce(): number;
  close(): void;
}

export interface TestServerOptions {
  /** JSON by path, for what is not /v1/chat/completions; 404 for others. */
  pages?: Record<string, object>;
  port?: number;
}

/** A server that speaks OpenAI's chat completions, or misbehaves. */
export async function startChatServer(
  t: Pick<TestContext, 'after'>,
  behaviour: Behaviour,
  { pages = {}, port = 0 }: TestServerOptions = {},
): Promise<TestServer> {
  const asked: Asked[] = [];
  const keys = new Set<string | undefined>();
  let [atOnce, most] = [0, 0];
  const server = createServer(async (request, response) => {
    keys.add(request.headers.authorization);
    const page = pages[request.url!];
    if (request.method === 'GET') return void sendJson(response, page ? 200 : 404, page ?? { detail: 'Not Found' });
    const body = JSON.parse(await textOf(request)) as Asked;
    asked.push(body);
    most = Math.max(most, ++atOnce);
    response.on('close', () => atOnce--);
    await behaviour({ asked: body, count: asked.length }, response);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  t.after(close);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { url, asked, keys, mostAtOnce: () => most, close };
}

export function sendJson(response: ServerResponse, status: number, body: object, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

export function refuse(response: ServerResponse, status: number, message: string, headers = {}): void {
  sendJson(response, status, { error: { message } }, headers);
}

export interface AnswerOptions {
  model?: string;
  finishReason?: string;
  /** Pauses before the first piece and between pieces. */
  pauseMs?: number;
}

/** Answers with a text, streamed word by word if asked to. */
export async function answer(
  asked: Asked,
  response: ServerResponse,
  text: string | null,
  { model = 'served-model-2026', finishReason = 'stop', pauseMs = 0 }: AnswerOptions = {},
): Promise<void> {
  const words = text?.split(/(?= )/) ?? [];
  const usage = { prompt_tokens: 600, completion_tokens: words.length + 1 };
  const head = { id: 'chatcmpl-1', object: 'chat.completion', created: 1, model, system_fingerprint: 'fp_1' };
  if (!asked.stream) {
    const choices = [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: finishReason }];
    return sendJson(response, 200, { ...head, choices, usage });
  }
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  const send = (delta: object, finish: string | null = null): void => {
    const choices = [{ index: 0, delta, finish_reason: finish }];
    response.write(`data: ${JSON.stringify({ ...head, choices })}\n\n`);
  };
  send({ role: 'assistant', content: '' });
  for (const word of words) {
    if (pauseMs > 0) await sleep(pauseMs);
    send({ content: word });
  }
  send({}, finishReason);
  if (asked.stream_options?.include_usage)
    response.write(`data: ${JSON.stringify({ ...head, choices: [], usage })}\n\n`);
  response.end('data: [DONE]\n\n');
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
