import { datasetInfo, HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { UserError } from '../errors.js';
import type { Requests } from './http.js';
import { hubAddress, hubHeaders } from './hub-address.js';

/** A repository of the Hugging Face hub. */
export interface HubRepository {
  type: 'model' | 'dataset';
  /** "owner/name" */
  name: string;
}

/** What the hub says of a repository at one commit. */
export interface RepositoryState {
  commit: string;
  files: HubFile[];
}

export interface HubFile {
  path: string;
  url: string;
  headers: Record<string, string>;
  bytes: number;
  /** sha256 of a large file, git's sha1 of another one. */
  hash: string;
}

/** sha1 of git or sha256 of large files; they become names of files here. */
const HASH = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/**
 * Commit and files of a repository.
 * @param revision a commit, branch or tag
 * @throws UserError when there is no such repository or revision, or it is gated
 */
export async function readRepository(
  requests: Requests,
  repository: HubRepository,
  revision: string,
): Promise<RepositoryState> {
  const { type, name } = repository;
  const hub = await hubAddress();
  const page = `${hub.url}/${type === 'dataset' ? 'datasets/' : ''}${name}`;
  const access = { hubUrl: hub.url, fetch: requests.fetch, ...(hub.accessToken && { accessToken: hub.accessToken }) };
  try {
    const asked = { name, revision, ...access };
    const { sha: commit } =
      type === 'model'
        ? await modelInfo({ ...asked, additionalFields: ['sha'] })
        : await datasetInfo({ ...asked, additionalFields: ['sha'] });
    if (commit === undefined || !HASH.test(commit)) throw new UserError(`${hub.url} gave no commit of ${name}.`);
    const files: HubFile[] = [];
    for await (const file of listFiles({
      repo: repository,
      revision: commit,
      recursive: type === 'dataset',
      ...access,
    })) {
      if (file.type !== 'file') continue;
      const { path, size: bytes } = file;
      const hash = file.lfs?.oid ?? file.oid ?? '';
      if (!HASH.test(hash)) throw new UserError(`${hub.url} gave no hash of ${name}/${path}.`);
      const url = `${page}/resolve/${commit}/${path}`;
      files.push({ path, url, headers: hubHeaders(hub, url), bytes, hash });
    }
    return { commit, files };
  } catch (error) {
    throw error instanceof HubApiError ? hubError(error, page, revision, hub.url) : error;
  }
}

/** A hash of the hub as `downloadFile` takes it. */
export function hashOption(hash: string): { sha256: string } | { gitBlobSha1: string } {
  return hash.length === 64 ? { sha256: hash } : { gitBlobSha1: hash };
}

function hubError(error: HubApiError, page: string, revision: string, hubUrl: string): UserError {
  if (error.statusCode === 401 || error.statusCode === 403) {
    return new UserError(
      `${page} is gated, private or not there (${error.statusCode}). Accept its terms on that page, make a token at ` +
        `${hubUrl}/settings/tokens and set HF_TOKEN.`,
      { cause: error },
    );
  }
  if (error.statusCode === 404) return new UserError(`${page} has no revision "${revision}", or is not there.`);
  return new UserError(`${page} answered ${error.statusCode}: ${error.message}`, { cause: error });
}
