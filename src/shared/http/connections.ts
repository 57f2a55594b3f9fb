import { getProxyForUrl } from 'proxy-from-env';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { messageOf, UserError } from '../errors.js';
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
      const agent = agents.get(proxy) ?? (proxy ? new ProxyAgent({ uri: proxy, ...options }) : new Agent(options));
      agents.set(proxy, agent);
      return agent;
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
}

/** The error for a failed connection; a `TemporaryFailure` if a retry may succeed. */
export function connectionError(url: string, error: unknown): Error {
  const { code = '' } = error as NodeJS.ErrnoException;
  const { host } = new URL(url);
  if (code === 'ENOTFOUND') {
    return new UserError(
      `${url}: cannot resolve the host ${host}. Check the network connection; set HTTPS_PROXY to use a proxy.`,
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
  const kind = UNREACHABLE.has(code) ? 'unreachable' : 'broken';
  return new TemporaryFailure(`${url}: ${messageOf(error)}`, 0, { cause: error, kind });
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
