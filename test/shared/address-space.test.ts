import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { addressSpaceAdvice } from '../../src/shared/address-space.js';

const MODULE = new URL('../../src/shared/address-space.js', import.meta.url).href;

test('a limited address space is named where memory is short, and only there', {
  skip: process.platform !== 'linux' && 'reads /proc',
}, () => {
  assert.equal(addressSpaceAdvice('std::bad_alloc'), '');
  const script = `
    const { addressSpaceAdvice } = await import('${MODULE}');
    for (const text of ['std::bad_alloc', 'not found']) console.log(addressSpaceAdvice(text));
  `;
  const command = `ulimit -v 30000000; "${process.execPath}" --input-type=module -e "$0"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', command, script], { encoding: 'utf8' });
  assert.equal(
    stdout,
    ' The address space of this process is limited to 30.7 GB: lift the limit with `ulimit -v unlimited`.\n\n',
    stderr,
  );
});
