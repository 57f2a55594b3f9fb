import { UserError } from '../../shared/errors.js';
import type { Software } from './host.js';
import { differences, type RunIdentity, type Shard } from './run-identity.js';
import { type RunRecord, runFile } from './run-record.js';

/** A finished part of a run. */
export interface ShardRun {
  folder: string;
  record: RunRecord;
  shard: Shard;
}

/** What computes answers: another version may answer otherwise. */
const DECIDING_SOFTWARE: readonly (keyof Software)[] = ['llavahr', 'onnxruntime', 'sharp'];

/**
 * Reads the result folders of all shards of one run.
 * @returns the shards in order and what the run they are parts of is
 * @throws UserError naming what is no shard, belongs to another run, is not finished, is there twice or is missing
 */
export async function readShards(folders: readonly string[]): Promise<{ shards: ShardRun[]; identity: RunIdentity }> {
  const shards = await Promise.all(folders.map(readShard));
  const first = shards[0]!;
  for (const other of shards) checkSameRun(first, other);
  checkComplete(shards);
  const { shard: _, ...identity } = first.record.identity;
  return { shards: shards.sort((a, b) => a.shard.index - b.shard.index), identity };
}

async function readShard(folder: string): Promise<ShardRun> {
  const record = await runFile.read(folder);
  if (record === null) throw new UserError(`${folder} is not a result folder: it has no ${runFile.name}.`);
  const { shard } = record.identity;
  if (shard) return { folder, record, shard };
  throw new UserError(`${folder} is a whole run, not a shard made with llavahr eval --shard.`);
}

function checkSameRun(first: ShardRun, other: ShardRun): void {
  if (other.shard.count !== first.shard.count) {
    throw new UserError(
      `${first.folder} is ${nameOf(first)} and ${other.folder} is ${nameOf(other)}: give the shards of one division.`,
    );
  }
  const difference = differences(first.record.identity, other.record.identity).find(
    ({ field }) => field !== 'shard.index',
  );
  if (difference) {
    const [here, there] = [JSON.stringify(difference.first), JSON.stringify(difference.second)];
    throw new UserError(
      `${first.folder} and ${other.folder} are parts of different runs: ${difference.field} is ${here} in the first and ${there} in the second.`,
    );
  }
  for (const { software } of other.record.sessions) {
    const expected = first.record.sessions[0]!.software;
    const name = DECIDING_SOFTWARE.find((name) => software[name] !== expected[name]);
    if (name === undefined) continue;
    throw new UserError(
      `${other.folder} was made with ${name} ${software[name]}, ${first.folder} with ${expected[name]}, which may answer ` +
        'otherwise. Make one of them again with --fresh.',
    );
  }
}

function checkComplete(shards: readonly ShardRun[]): void {
  const { count } = shards[0]!.shard;
  const problems: string[] = [];
  for (let index = 1; index <= count; index++) {
    const found = shards.filter(({ shard }) => shard.index === index);
    if (found.length === 0) problems.push(`shard ${index}/${count} is missing`);
    if (found.length > 1)
      problems.push(`shard ${index}/${count} is given twice: ${found.map(({ folder }) => folder).join(', ')}`);
    for (const { record, folder } of found) {
      if (record.state !== 'complete') problems.push(`shard ${index}/${count} is not finished: ${folder}`);
    }
  }
  if (problems.length === 0) return;
  throw new UserError(
    `The shards do not make a run:\n  ${problems.join('\n  ')}\nThe eval command of a shard makes or continues it.`,
  );
}

function nameOf({ shard: { index, count } }: ShardRun): string {
  return `shard ${index}/${count}`;
}
