import assert from 'node:assert/strict';
import test from 'node:test';
import { redactArguments } from '../../src/shared/redact.js';

const cases: [string, string[], string[]][] = [
  ['the value after an option', ['--judge-key', 'abc', 'x'], ['--judge-key', '[hidden]', 'x']],
  ['the value after =', ['--hfToken=abc'], ['--hfToken=[hidden]']],
  ['a value that looks like an option', ['--token', '--abc'], ['--token', '[hidden]']],
  ['an environment variable', ['OPENAI_API_KEY=abc'], ['OPENAI_API_KEY=[hidden]']],
  ['an access token anywhere', ['--note', `my hf_${'a1'.repeat(17)}!`], ['--note', 'my [hidden]!']],
  ['credentials in an address', ['https://me:pass@host/a'], ['https://[hidden]@host/a']],
  ['a signed address', ['https://host/a?x=1&token=abc&y=2'], ['https://host/a?x=1&token=[hidden]&y=2']],
];
for (const [name, before, after] of cases) {
  test(`hidden: ${name}`, () => assert.deepEqual(redactArguments(before), after));
}

test('values that are not secrets stay, so that the run can be repeated', () => {
  const argv = [
    ...[
      'eval',
      'textvqa',
      '--max-new-tokens',
      '16',
      '--ocr-tokens=no',
      '--model',
      '/data/hf_cache/sk-mini',
      '--limit=10',
    ],
    ...['--output', 'results/token=1', '--url', 'https://host/token/file?x=1'],
  ];
  assert.deepEqual(redactArguments(argv), argv);
});
