import { datasetInfo, HubApiError, listFiles, modelInfo } from '@huggingface/hub';
import { messageOf, UserError } from '../shared/errors.js';
import { boundedBody } from '../shared/http/bounded-body.js';
import { COUNT, objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import type { Requests } from './http.js';
import { type HubAddress, hubAddress, hubHeaders } from './hub-address.js';

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

/** A file as the hub lists it; what else it says is not used. */
interface ListedFile {
  path: string;
  size: number;
  oid?: string;
  lfs?: { oid: string };
}

const fileCheck = schemaCheck<ListedFile>({
  type: 'object',
  properties: { path: TEXT, size: COUNT, oid: TEXT, lfs: objectOf<{ oid: string }>({ oid: TEXT }) },
  required: ['path', 'size'],
});

/** Of one answer. A page of 1,000 files has about 0.3 MB. */
const MAX_ANSWER_BYTES = 16 << 20;
/** Of one repository: a hub that always names a further page has no end. */
const MAX_ANSWERS = 200;

/**
 * Commit and files of a repository.
 * @param revision a commit, branch or tag
 * @throws UserError when there is no such repository or revision, it is gated, or the answers are not a hub's
 */
export async function readRepository(
  requests: Requests,
  repository: HubRepository,
  revision: string,
): Promise<RepositoryState> {
  const { type, name } = repository;
  const hub = await hubAddress();
  const page = `${hub.url}/${type === 'dataset' ? 'datasets/' : ''}${name}`;
  const access = {
    hubUrl: hub.url,
    fetch: hubFetch(requests, hub),
    ...(hub.accessToken && { accessToken: hub.accessToken }),
  };
  try {
    const asked = { name, revision, ...access };
    const { sha: commit } =
      type === 'model'
        ? await modelInfo({ ...asked, additionalFields: ['sha'] })
        : await datasetInfo({ ...asked, additionalFields: ['sha'] });
    if (typeof commit !== 'string' || !HASH.test(commit)) throw new UserError(`${hub.url} gave no commit of ${name}.`);
    const files: HubFile[] = [];
    for await (const file of listFiles({
      repo: repository,
      revision: commit,
      recursive: type === 'dataset',
      ...access,
    })) {
      if (file.type !== 'file') continue;
      if (!fileCheck.fits(file))
        throw new UserError(`${hub.url} lists a file of ${name} wrong: ${fileCheck.problem()}.`);
      const { path, size: bytes } = file;
      const hash = file.lfs?.oid ?? file.oid ?? '';
      if (!HASH.test(hash)) throw new UserError(`${hub.url} gave no hash of ${name}/${path}.`);
      const url = `${page}/resolve/${commit}/${path}`;
      files.push({ path, url, headers: hubHeaders(hub, url), bytes, hash });
    }
    return { commit, files };
  } catch (error) {
    if (error instanceof HubApiError) throw hubError(error, page, revision, hub.url);
    if (error instanceof UserError) throw error;
    // What the library makes of an answer that is no JSON, or another than the hub's.
    throw new UserError(`${page}: the answer of ${hub.url} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The library follows the address of the next page wherever it leads, with the token, and takes answers of any size:
 * this goes to the hub alone, and no further than a listing can go.
 */
function hubFetch(requests: Requests, { url: hubUrl }: HubAddress): typeof fetch {
  let answers = 0;
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith(`${hubUrl}/`)) throw new UserError(`${hubUrl} refers to another server: ${url}`);
    if (++answers > MAX_ANSWERS)
      throw new UserError(`${hubUrl} lists a repository over more than ${MAX_ANSWERS} pages.`);
    const response = await requests.fetch(url, init);
    const body = await boundedBody(response, MAX_ANSWER_BYTES);
    const { status, headers } = response;
    const answer = new Response(body, { status, headers: [...headers] });
    return Object.defineProperty(answer, 'url', { value: response.url }); // errors name it
  };
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
