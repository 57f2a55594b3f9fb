import assert from 'node:assert/strict';
import test from 'node:test';
import { buildProgram } from '../../src/cli.js';

/** Why a command line is refused before its command runs; null if it is not. */
async function refusal(...words: string[]): Promise<string | null> {
  const program = buildProgram();
  let message = '';
  for (const command of program.commands) {
    command.action(() => {});
    command.configureOutput({
      writeErr: (text) => {
        message += text;
      },
    });
  }
  const refused = await program.parseAsync(['node', 'llavahr', ...words]).then(
    () => false,
    () => true,
  );
  return refused ? message : null;
}

test('an option that another one makes meaningless is refused', async () => {
  const random = ['--random-weights', 'llava-hr-7b'];
  const endpoint = ['--endpoint', 'http://localhost/v1'];
  const ofBenchmarks = [
    '--data',
    '--split',
    '--limit=4',
    '--batch-size=2',
    '--devices',
    '--output',
    '--protocol=llava',
  ];
  const conflicts: [string[], string[]][] = [
    [
      ['ablate', ...random],
      [...ofBenchmarks, '--model', '--models'],
    ],
    [
      ['ablate', '--models', 'a,b'],
      ['--model', '--resolutions=128'],
    ],
    [
      ['latency', ...random],
      ['--model', '--clip-tower', '--base'],
    ],
    [
      ['latency', '--protocol', 'paper'],
      ['--batch-size=2', '--prompt-tokens=40', '--new-tokens=5'],
    ],
    [
      ['eval', 'pope', ...endpoint],
      ['--model', '--device', '--precision=fp32', '--batch-size=auto'],
    ],
    [
      ['eval', 'pope', '--endpoint-model', 'm'],
      ['--model', '--device'],
    ],
    [
      ['eval', 'pope', '--seed', '1'],
      ['--limit=5', '--offset=5', '--ids'],
    ],
    [['list', '--validate'], ['--published']],
    [['power', '--pilot', 'a', 'b'], ['--disagreement=5']],
    [['download', 'pope', '--dry-run'], ['--verify']],
  ];
  const flags = ['--published', '--verify'];
  for (const [words, options] of conflicts) {
    assert.equal(await refusal(...words), null, words.join(' '));
    for (const option of options) {
      const given = option.includes('=') || flags.includes(option) ? option : `${option}=x`;
      const message = await refusal(...words, given);
      assert.match(message ?? 'accepted', /cannot be used with option/, `${words.join(' ')} ${given}`);
      assert.ok(message!.includes(option.replace(/=.*/, '')), message!);
    }
  }
});
