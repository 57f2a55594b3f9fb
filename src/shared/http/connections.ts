import { getProxyForUrl } from 'proxy-from-env';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { environmentValue } from '../environment.js';
import { messageOf, UserError } from '../errors.js';
import { redactText } from '../redact.js';
import { TemporaryFailure } from './retry.js';

/** Codes of errors in which no connection came about. */
const UNREACHABLE = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

/** Connections to hosts, direct or through the proxy in HTTP_PROXY or HTTPS_PROXY, except for hosts in NO_PROXY. */
export interface Connections {
  to(url: string): Dispatcher;
  /** Also aborts transfers. Idle connections do not keep the process alive. */
  close(): Promise<void>;
}

/** Opens connections on demand. */
export function openConnections(options: Agent.Options): Connections {
  const agents = new Map<string, Agent | ProxyAgent>();
  return {
    to(url) {
      const proxy = getProxyForUrl(url);
      checkProxy(proxy);
      const agent = agents.get(proxy) ?? (proxy ? new ProxyAgent({ uri: proxy, ...options }) : new Agent(options));
      agents.set(proxy, agent);
      return agent;
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
}

const PROXY_VARIABLES = ['https_proxy', 'http_proxy', 'all_proxy'];

/** @throws UserError naming the variable of a proxy that is none for HTTP */
function checkProxy(proxy: string): void {
  if (proxy === '' || (/^https?:\/\//i.test(proxy) && URL.canParse(proxy))) return;
  const names = PROXY_VARIABLES.flatMap((name) => [name, name.toUpperCase()]);
  const variable = names.find((name) => proxy.endsWith(environmentValue(name) ?? ' ')) ?? 'HTTPS_PROXY';
  const kind = /^socks/i.test(proxy) ? 'SOCKS proxies are not supported' : 'it is not the URL of a proxy';
  throw new UserError(`${variable} is ${redactText(proxy)}: ${kind}. Set it to an http:// proxy, or unset it.`);
}

/** The error for a failed connection; a `TemporaryFailure` if a retry may succeed. */
export function connectionError(url: string, error: unknown): Error {
  const { code = '' } = error as NodeJS.ErrnoException;
  const { host } = new URL(url);
  if (code === 'ENOTFOUND') {
    return new UserError(
      `${url}: cannot resolve the host ${host}. Check the network connection; set HTTPS_PROXY to use a proxy.`,
      { cause: error },
    );
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) {
    return new UserError(
      `${url}: the certificate of ${host} is not trusted (${code}). Behind a proxy with its own certificate, set ` +
        'NODE_EXTRA_CA_CERTS.',
    );
  }
  if (code === 'ECONNREFUSED') {
    return new TemporaryFailure(`${url}: ${host} refused the connection`, 0, { kind: 'unreachable' });
  }
  if (code === 'ERR_INVALID_URL') return new UserError(`${url}: the server redirects to an address that is no URL`);
  const kind = UNREACHABLE.has(code) ? 'unreachable' : 'broken';
  return new TemporaryFailure(`${url}: ${messageOf(error)}`, 0, { cause: error, kind });
}

/** Whether a request failed because no connection came about, at once or in every try. */
export function isUnreachable(error: unknown): error is UserError {
  if (!(error instanceof UserError)) return false;
  const { cause } = error;
  if (cause instanceof TemporaryFailure) return cause.kind === 'unreachable';
  return (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOTFOUND';
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
