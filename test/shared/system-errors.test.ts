import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { UserError } from '../../src/shared/errors.js';
import {
  isExhaustion,
  isReadOnly,
  systemErrorMessage,
  systemReason,
  unreadable,
  withPath,
} from '../../src/shared/system-errors.js';

function failure(code: string, syscall: string, path?: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: whatever, ${syscall}`), { code, syscall, ...(path ? { path } : {}) });
}

test('a failed system call is explained with what to do', () => {
  process.env['LLAVAHR_CACHE'] = '/.cache/llavahr';
  const explained: [NodeJS.ErrnoException, string][] = [
    [
      failure('EACCES', 'mkdir', '/.cache/llavahr/models'),
      '/.cache/llavahr/models cannot be used (mkdir): permission denied (EACCES). Set LLAVAHR_CACHE to another folder.',
    ],
    [
      failure('EROFS', 'open', '/r/a'),
      '/r/a cannot be used (open): the file system is read-only (EROFS). Choose another folder.',
    ],
    [
      failure('ENOSPC', 'write'),
      'A file cannot be used (write): no space is left on the disk (ENOSPC). Free some, then rerun the same command.',
    ],
    [
      failure('EMFILE', 'open', 'a'),
      'a cannot be used (open): too many open files (EMFILE). Raise the limit: ulimit -n 65536',
    ],
  ];
  for (const [error, message] of explained) assert.equal(systemErrorMessage(error), message);
  assert.match(systemErrorMessage(failure('ENOMEM', 'spawn'))!, /not enough memory \(ENOMEM\)\. .*ulimit -v/);
  assert.match(systemErrorMessage(withPath(failure('ENOSPC', 'write'), '/d/x.part'))!, /^\/d\/x\.part cannot be used/);
});

test('other errors are left as they are', async () => {
  assert.equal(systemErrorMessage(new TypeError('x is not a function')), null);
  assert.equal(systemErrorMessage(failure('ECONNRESET', 'read')), null);
  assert.equal(systemErrorMessage('text'), null);
  assert.equal(systemReason(new Error('as it was')), 'as it was');
  const real = await readFile('/no/such/file').catch((error) => error);
  assert.equal(systemReason(real), 'there is no such file or folder (ENOENT).');
  assert.deepEqual([isExhaustion(failure('EMFILE', 'open')), isExhaustion(real)], [true, false]);
  assert.deepEqual([isReadOnly(failure('EROFS', 'open')), isReadOnly(real)], [true, false]);
});

test('a file that is missing is said to be that, with where to get it; of another, why it cannot be read', () => {
  const missing = failure('ENOENT', 'open', '/d/x');
  assert.equal(unreadable('/d/x', missing, 'Get it there.').message, '/d/x does not exist. Get it there.');
  assert.equal(unreadable('/d/x', missing).message, '/d/x does not exist.');
  const folder = unreadable('/d', failure('EISDIR', 'read'), 'Get it there.');
  assert.equal(folder.message, '/d cannot be read: it is a folder (EISDIR).');
  const known = new UserError('/d/x, line 1 is not UTF-8.');
  assert.equal(unreadable('/d/x', known), known);
});
