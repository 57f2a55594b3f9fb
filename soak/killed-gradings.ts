import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { JUDGE_GRADES } from '../src/evaluation/judged.js';
import { EXIT } from '../src/shared/errors.js';
import { type Asked, answer, startChatServer } from '../test/chat/chat-server.js';
import type { KillOptions } from './killed-folders.js';
import { countChanges, killUntilDone, randomDraw, startLlavahr, unexpected } from './processes.js';

/*
 * Repeatedly kills the grading of MM-Vet answers at random moments and restarts it. The judge is a server on this machine
 * whose grade of an answer is always the same.
 */

const GRADE_MS = 10;
const RUNS = 2;

/** A grade from 0.0 to 1.0 that depends on the prompt alone. */
function gradeOf({ messages }: Asked): string {
  const [first] = createHash('sha256').update(JSON.stringify(messages)).digest();
  return (first! / 255).toFixed(1);
}

/** @throws Error when a grade is lost or another, or a score differs. @returns the completed gradings */
export async function soakGradings({ kills, seed, folder, onKill }: KillOptions): Promise<number> {
  const server = await startChatServer({ after() {} }, async (request, response) => {
    await sleep(GRADE_MS);
    await answer(request.asked, response, gradeOf(request.asked), { model: 'judge' });
  });
  try {
    const answers = join(folder, 'answers');
    const cache = { LLAVAHR_CACHE: join(folder, 'cache') };
    const judge = ['--judge', server.url, '--judge-model', 'judge', '--judge-runs', String(RUNS)];
    const start = (output: string, more: readonly string[]) => () =>
      startLlavahr(['eval', 'mmvet', '--output', output, ...more], cache);
    const answered = await start(answers, [])().ended;
    if (answered.code !== EXIT.done) throw unexpected(answered);
    const undisturbed = join(folder, 'undisturbed');
    await cp(answers, undisturbed, { recursive: true });
    const { changes } = await countChanges(undisturbed, start(undisturbed, judge));
    const expected = await gradesIn(undisturbed);
    const scores = await scoresIn(undisturbed);

    const draw = randomDraw(seed);
    let gradings = 0;
    for (let done = 0; done < kills; gradings++) {
      const output = join(folder, 'killed');
      await cp(answers, output, { recursive: true });
      done += await killUntilDone({
        ...{ folder: output, start: start(output, judge), changes, draw, kills: kills - done },
        async watch() {
          const before = await gradesIn(output);
          return async () => {
            const after = await gradesIn(output);
            for (const line of before) if (!after.has(line)) throw new Error(`${output} lost the grade ${line}`);
          };
        },
        async onKill({ signal, changes }) {
          onKill?.({ signal, changes, kept: (await gradesIn(output)).size });
        },
      });
      const found = await gradesIn(output);
      const differs = found.size !== expected.size || (await scoresIn(output)) !== scores;
      if (differs) throw new Error(`the grades or scores in ${output} are not those in ${undisturbed}`);
      await rm(output, { recursive: true });
    }
    for (const used of [answers, undisturbed]) await rm(used, { recursive: true });
    return gradings;
  } finally {
    server.close();
  }
}

async function runIn(output: string): Promise<string> {
  const [name] = await readdir(output);
  return join(output, name!);
}

/** The complete lines of the grades. */
async function gradesIn(output: string): Promise<Set<string>> {
  const text = await readFile(join(await runIn(output), JUDGE_GRADES), 'utf8').catch(() => '');
  return new Set(text.split('\n').slice(0, -1));
}

async function scoresIn(output: string): Promise<string> {
  const { scores, n, judge } = JSON.parse(await readFile(join(await runIn(output), 'metrics.json'), 'utf8'));
  return JSON.stringify([scores, n, judge.missing]);
}
