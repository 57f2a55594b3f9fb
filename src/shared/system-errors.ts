import { variableOf } from './cache-folder.js';
import { messageOf, UserError } from './errors.js';

/** What a failed system call means, and what helps; `elsewhere` if another folder does. */
interface Explanation {
  reason: string;
  advice: string | 'elsewhere';
}

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOSPC: { reason: 'no space is left on the disk', advice: 'Free some, then rerun the same command.' },
  EDQUOT: { reason: 'the disk quota is used up', advice: 'Free some, then rerun the same command.' },
  EROFS: { reason: 'the file system is read-only', advice: 'elsewhere' },
  EACCES: { reason: 'permission denied', advice: 'elsewhere' },
  EPERM: { reason: 'the operation is not permitted', advice: 'elsewhere' },
  EMFILE: { reason: 'too many open files', advice: 'Raise the limit: ulimit -n 65536' },
  ENFILE: { reason: 'too many open files in the whole system', advice: 'Close other programs.' },
  ENOMEM: { reason: 'not enough memory', advice: 'Close other programs, or raise the limit (ulimit -v, container).' },
  EAGAIN: { reason: 'too many processes or threads', advice: 'Raise the limit: ulimit -u' },
  EIO: { reason: 'the disk or its network connection failed', advice: 'Check it, then rerun the same command.' },
  ESTALE: { reason: 'the network file system lost the file', advice: 'Rerun the same command.' },
  ENOENT: { reason: 'there is no such file or folder', advice: '' },
  ENOTDIR: { reason: 'a part of its path is a file', advice: '' },
  EISDIR: { reason: 'it is a folder', advice: '' },
  EEXIST: { reason: 'a file of that name is in the way', advice: '' },
  ELOOP: { reason: 'its links lead in a circle', advice: '' },
  ENAMETOOLONG: { reason: 'the name is too long', advice: 'Choose a shorter one.' },
};

/** Failures of this process or machine rather than of the file: another file would fail as well. */
const EXHAUSTED: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

/** Whether a system call failed for want of memory, file descriptors or processes. */
export function isExhaustion(error: unknown): boolean {
  return EXHAUSTED.has(codeOf(error));
}

/** Whether a folder cannot be written to, whatever is done in it. */
export function isReadOnly(error: unknown): boolean {
  return ['EROFS', 'EACCES', 'EPERM'].includes(codeOf(error));
}

/**
 * Why a system call failed and what to do, for the end of a message: "permission denied (EACCES). Set LLAVAHR_CACHE to
 * another folder." The message of any other error, unchanged.
 * @param path it is about, if the error does not say
 */
export function systemReason(error: unknown, path?: string): string {
  const code = codeOf(error);
  const explanation = EXPLANATIONS[code];
  if (explanation === undefined) return messageOf(error);
  const { reason, advice } = explanation;
  const place = path ?? (error as NodeJS.ErrnoException).path;
  const sentence = advice === 'elsewhere' ? adviceElsewhere(place, code) : advice;
  return `${reason} (${code}).${sentence === '' ? '' : ` ${sentence}`}`;
}

/**
 * The error for a file or folder that is missing or cannot be read. A `UserError` is returned as it is.
 * @param origin what to say of a missing one, in complete sentences: where to get it
 */
export function unreadable(path: string, error: unknown, origin?: string): UserError {
  if (error instanceof UserError) return error;
  const missing = origin === undefined ? 'does not exist.' : `does not exist. ${origin}`;
  const problem = codeOf(error) === 'ENOENT' ? missing : `cannot be read: ${systemReason(error, path)}`;
  return new UserError(`${path} ${problem}`, { cause: error });
}

/** The message for a failed system call that nothing else explains; null for any other error. */
export function systemErrorMessage(error: unknown): string | null {
  const { path, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined || EXPLANATIONS[codeOf(error)] === undefined) return null;
  return `${path ?? 'A file'} cannot be used (${syscall}): ${systemReason(error)}`;
}

/** Names the file in an error that has none, as those of `write` have. */
export function withPath(error: unknown, path: string): unknown {
  if (error instanceof Error && codeOf(error) !== '') (error as NodeJS.ErrnoException).path ??= path;
  return error;
}

function adviceElsewhere(path: string | undefined, code: string): string {
  const variable = path === undefined ? null : safeVariableOf(path);
  if (variable !== null) return `Set ${variable} to another folder.`;
  return code === 'EROFS' ? 'Choose another folder.' : 'Change its permissions, or choose another folder.';
}

function safeVariableOf(path: string): string | null {
  try {
    return variableOf(path);
  } catch {
    return null; // without a home folder none of ours is there
  }
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : '';
}
