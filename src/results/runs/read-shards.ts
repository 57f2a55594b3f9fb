import { UserError } from '../../shared/errors.js';
import { differentSoftware } from './host.js';
import { differences, type RunIdentity, type Shard } from './run-identity.js';
import { type RunRecord, runFile } from './run-record.js';

/** A finished shard of a run. */
export interface ShardRun {
  folder: string;
  record: RunRecord;
  shard: Shard;
}

/**
 * Reads the run folders of all shards of one run.
 * @returns the shards in order, and the identity of the whole run
 * @throws UserError naming folders that are not shards, belong to another run, are unfinished or duplicate, and shards that
 *   are missing
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
  if (record === null)
    throw new UserError(
      `${folder} is not a run folder: it has no ${runFile.name}. Give folders created by \`llavahr eval --shard\`.`,
    );
  const { shard } = record.identity;
  if (shard) return { folder, record, shard };
  throw new UserError(`${folder} is a whole run, not a shard. Give folders created by \`llavahr eval --shard\`.`);
}

function checkSameRun(first: ShardRun, other: ShardRun): void {
  if (other.shard.count !== first.shard.count) {
    throw new UserError(
      `${first.folder} is ${nameOf(first)} and ${other.folder} is ${nameOf(other)}. Give shards with the same count.`,
    );
  }
  const difference = differences(first.record.identity, other.record.identity).find(
    ({ field }) => field !== 'shard.index',
  );
  if (difference) {
    const [here, there] = [JSON.stringify(difference.first), JSON.stringify(difference.second)];
    throw new UserError(
      `${first.folder} and ${other.folder} are shards of different runs: ${difference.field} is ${here} in the first and ${there} in the second.`,
    );
  }
  const [firstImages, otherImages] = [first, other].map(({ record }) => record.sessions.at(-1)!.images);
  if (firstImages !== undefined && otherImages !== undefined && firstImages !== otherImages) {
    throw new UserError(
      `${first.folder} and ${other.folder} were made from different images: their names or sizes differ. Make both from ` +
        'the same images.',
    );
  }
  for (const { software } of other.record.sessions) {
    const expected = first.record.sessions[0]!.software;
    const name = differentSoftware(software, expected);
    if (name === null) continue;
    throw new UserError(
      `${other.folder} was run with ${name} ${software[name]}, but ${first.folder} with ${expected[name]}. Answers may ` +
        'differ between versions. Rerun one of them with --fresh.',
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
    `The shards do not form a complete run:\n  ${problems.join('\n  ')}\nRun the eval command of a shard to create or resume it.`,
  );
}

function nameOf({ shard: { index, count } }: ShardRun): string {
  return `shard ${index}/${count}`;
}
