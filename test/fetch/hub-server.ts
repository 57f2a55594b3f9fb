import { createHash } from 'node:crypto';
import { type FileServer, type Route, startFileServer } from './file-server.js';

/** A repository of a hub on this machine. */
export interface ServedRepository {
  type: 'model' | 'dataset';
  name: string;
  files: Readonly<Record<string, Uint8Array>>;
  /** Names that lead to the commit. */
  revisions?: readonly string[];
}

export const COMMIT = 'c'.repeat(40);

/** What a hub answers for a repository at a commit. Files of more than 100,000 bytes are large ones. */
export function hubRoutes(
  { type, name, files, revisions = ['main'] }: ServedRepository,
  commit = COMMIT,
): Record<string, Route> {
  const routes: Record<string, Route> = {};
  const tree: object[] = [{ type: 'directory', path: 'runs', size: 0, oid: 'd'.repeat(40) }];
  for (const [path, body] of Object.entries(files)) {
    const oid = createHash('sha1').update(`blob ${body.length}\0`).update(body).digest('hex');
    const sha256 = createHash('sha256').update(body).digest('hex');
    const lfs = body.length > 100_000 ? { lfs: { oid: sha256, size: body.length, pointerSize: 135 } } : {};
    tree.push({ type: 'file', path, size: body.length, oid, ...lfs });
    const place = type === 'dataset' ? `/datasets/${name}` : `/${name}`;
    routes[`${place}/resolve/${commit}/${path}`] = { body, etag: `"${oid}"` };
  }
  const info = { _id: '1', id: name, sha: commit, private: false, gated: false, downloads: 0, likes: 0 };
  const api = `/api/${type}s/${name}`;
  for (const revision of [...revisions, commit]) routes[`${api}/revision/${revision}`] = json(info);
  routes[`${api}/tree/${commit}`] = json(tree);
  const commits = [commit, 'b'.repeat(40)].map((id) => ({
    id,
    title: '',
    message: '',
    authors: [],
    date: '2024-01-01',
  }));
  routes[`${api}/commits/main`] = json(commits);
  return routes;
}

/** Starts a server that HF_ENDPOINT points to. */
export async function startHub(routes: Record<string, Route>): Promise<FileServer> {
  const server = await startFileServer(routes);
  process.env['HF_ENDPOINT'] = server.url;
  return server;
}

function json(value: object): Route {
  return { body: Buffer.from(JSON.stringify(value)), contentType: 'application/json' };
}
