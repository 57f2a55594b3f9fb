import { datasetInfo, HubApiError, listCommits, listFiles, modelInfo } from '@huggingface/hub';
import { messageOf, UserError } from '../shared/errors.js';
import { boundedBody } from '../shared/http/bounded-body.js';
import { isUnreachable } from '../shared/http/connections.js';
import { hideKey } from '../shared/http/exchange.js';
import { COUNT, objectOf, schemaCheck, TEXT } from '../shared/json-schema.js';
import type { Requests } from './http.js';
import { type HubAddress, hubAddress, hubHeaders } from './hub-address.js';

/** A repository of the Hugging Face hub. */
export interface HubRepository {
  type: 'model' | 'dataset';
  /** "owner/name" */
  name: string;
}

/** A repository at one commit. */
export interface RepositoryState {
  commit: string;
  files: HubFile[];
}

export interface HubFile {
  path: string;
  url: string;
  headers: Record<string, string>;
  bytes: number;
  /** sha256 for large files, git's blob hash for others. */
  hash: string;
}

/** A git hash or sha256. Checked because they are used as file names. */
const HASH = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** A commit's first digits. */
const ABBREVIATED = /^[0-9a-f]{7,39}$/;

/** The fields used from the hub's file listing. */
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

/** Limit per response. A page of 1,000 files has about 0.3 MB. */
const MAX_ANSWER_BYTES = 16 << 20;
/** Limit per repository, for servers that always refer to a next page. */
const MAX_ANSWERS = 200;

/**
 * Reads the commit and file list of a repository.
 * @param revision a commit or the first digits of one, a branch or tag
 * @throws UserError when the repository or revision does not exist, it is gated, or the responses are invalid
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
    const commit = await commitOf(repository, revision, access);
    if (typeof commit !== 'string' || !HASH.test(commit))
      throw new UserError(`${hub.url} returned no commit for ${name}.`);
    const files: HubFile[] = [];
    for await (const file of listFiles({
      repo: repository,
      revision: commit,
      recursive: type === 'dataset',
      ...access,
    })) {
      if (file.type !== 'file') continue;
      if (!fileCheck.fits(file))
        throw new UserError(`${hub.url} returned an invalid file listing of ${name}: ${fileCheck.problem()}.`);
      const { path, size: bytes } = file;
      const hash = file.lfs?.oid ?? file.oid ?? '';
      if (!HASH.test(hash)) throw new UserError(`${hub.url} returned no hash for ${name}/${path}.`);
      const url = `${page}/resolve/${commit}/${path}`;
      files.push({ path, url, headers: hubHeaders(hub, url), bytes, hash });
    }
    return { commit, files };
  } catch (error) {
    if (error instanceof HubApiError) throw hubError(error, page, revision, hub);
    if (isUnreachable(error)) throw unreachable(hub.url, error);
    if (error instanceof UserError) throw error;
    // The library throws other errors for responses that are not JSON or not the hub's.
    throw new UserError(`${page}: invalid response from ${hub.url}: ${messageOf(error)}`, { cause: error });
  }
}

interface Access {
  hubUrl: string;
  fetch: typeof fetch;
  accessToken?: string;
}

/** Asks for the commit. The hub need not know one by its first digits; then it is looked for among the commits of main. */
async function commitOf({ type, name }: HubRepository, revision: string, access: Access): Promise<string> {
  const asked = { name, revision, additionalFields: ['sha' as const], ...access };
  try {
    return (type === 'model' ? await modelInfo(asked) : await datasetInfo(asked)).sha;
  } catch (error) {
    const isUnknown = error instanceof HubApiError && [400, 404].includes(error.statusCode);
    if (!isUnknown || !ABBREVIATED.test(revision)) throw error;
    for await (const { oid } of listCommits({ repo: { type, name }, ...access })) {
      if (typeof oid === 'string' && oid.startsWith(revision)) return oid;
    }
    throw error;
  }
}

/**
 * The library would follow next-page links to any host, sending the token, and accept responses of any size. This one
 * only contacts the hub and limits the number and size of responses.
 */
function hubFetch(requests: Requests, { url: hubUrl }: HubAddress): typeof fetch {
  let answers = 0;
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith(`${hubUrl}/`)) throw new UserError(`${hubUrl} refers to another server: ${url}`);
    if (++answers > MAX_ANSWERS)
      throw new UserError(`${hubUrl} returned more than ${MAX_ANSWERS} pages for one repository.`);
    const response = await requests.fetch(url, init);
    const body = await boundedBody(response, MAX_ANSWER_BYTES);
    const { status, headers } = response;
    const answer = new Response(body, { status, headers: [...headers] });
    return Object.defineProperty(answer, 'url', { value: response.url }); // for error messages
  };
}

/** A hash from the hub as an option of `downloadFile`. */
export function hashOption(hash: string): { sha256: string } | { gitBlobSha1: string } {
  return hash.length === 64 ? { sha256: hash } : { gitBlobSha1: hash };
}

function unreachable(hubUrl: string, error: UserError): UserError {
  return new UserError(
    `The Hugging Face hub cannot be reached at ${new URL(hubUrl).host}. Check the network, or set HTTPS_PROXY, or HF_ENDPOINT ` +
      `to a mirror. Reason: ${error.message}`,
    { cause: error },
  );
}

function hubError(error: HubApiError, page: string, revision: string, hub: HubAddress): UserError {
  const { url: hubUrl, accessToken, tokenOrigin } = hub;
  if (error.statusCode === 401 && accessToken !== null) {
    return new UserError(
      `${page} answered 401: the access token of ${tokenOrigin} was refused. Create another at ${hubUrl}/settings/tokens, or ` +
        'remove it for public repositories.',
      { cause: error },
    );
  }
  if (error.statusCode === 401 || error.statusCode === 403) {
    return new UserError(
      `${page} is gated, private or does not exist (${error.statusCode}). Accept its terms on that page, create a token at ` +
        `${hubUrl}/settings/tokens and set HF_TOKEN.`,
      { cause: error },
    );
  }
  if (error.statusCode === 404) return new UserError(`${page} does not exist or has no revision "${revision}".`);
  const message = hideKey(error.message, accessToken ?? undefined);
  return new UserError(`${page} answered ${error.statusCode}: ${message}`, { cause: error });
}
