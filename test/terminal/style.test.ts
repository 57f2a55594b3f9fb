import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { promisify } from 'node:util';

const address = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
const SCRIPT = `
  if (process.env.FORCED_TTY) process.stdout.isTTY = true;
  const { renderTable } = await import(${address('terminal/table.js')});
  const { better, worse, noteMark } = await import(${address('terminal/style.js')});
  console.log([renderTable(['a'], [['1']], ['left']), better('up'), worse('down'), noteMark('Note:')].join('\\n'));`;
const PLAIN = 'a\n-\n1\nup\ndown\nNote:\n';

async function printed(env: Record<string, string>): Promise<string> {
  const { NO_COLOR: _none, FORCE_COLOR: _forced, ...rest } = process.env;
  const options = { env: { ...rest, TERM: 'xterm', ...env } };
  return (await promisify(execFile)(process.execPath, ['--input-type=module', '-e', SCRIPT], options)).stdout;
}

test('emphasis is for terminals only, off with NO_COLOR and on dumb ones, and takes no words with it', async () => {
  const [piped, terminal, noColor, dumb] = await Promise.all([
    printed({}),
    printed({ FORCED_TTY: '1' }),
    printed({ FORCED_TTY: '1', NO_COLOR: '1' }),
    printed({ FORCED_TTY: '1', TERM: 'dumb' }),
  ]);
  assert.deepEqual([piped, noColor, dumb], [PLAIN, PLAIN, PLAIN]);
  const ESC = String.fromCharCode(27);
  assert.ok(terminal.startsWith(`${ESC}[1ma${ESC}[22m\n`), JSON.stringify(terminal));
  assert.equal(terminal.split(ESC).length, 1 + 2 * 4);
  assert.equal(terminal.replaceAll(new RegExp(`${ESC}\\[\\d+m`, 'g'), ''), PLAIN);
});
