import { type IntactRun, listRuns, type RunEntry } from '../results/runs/list-runs.js';
import { megabytes } from '../shared/byte-size.js';
import { EXIT } from '../shared/errors.js';

import { renderTable } from '../terminal/table.js';
import { printJson, type RunsJson } from './json-output.js';

const HEADERS = [
  'benchmark',
  'state',
  'score',
  '',
  'answered',
  'model',
  'size (px)',
  'precision',
  'device',
  'updated (UTC)',
  'MB',
  'folder',
];
const ALIGN = [
  'left',
  'left',
  'left',
  'right',
  'right',
  'left',
  'right',
  'left',
  'left',
  'left',
  'right',
  'left',
] as const;

/** `llavahr runs`: lists the run folders in a folder. */
export async function runsCommand(folder: string, { json }: { json: boolean }): Promise<number> {
  const entries = await listRuns(folder);
  if (json) printJson<RunsJson>({ runs: entries });
  else console.log(runsText(folder, entries));
  return EXIT.done;
}

function runsText(folder: string, entries: readonly RunEntry[]): string {
  const intact = entries.filter((entry) => entry.state !== 'damaged');
  const damaged = entries.filter((entry) => entry.state === 'damaged');
  const parts = intact.length > 0 ? [renderTable(HEADERS, intact.map(cells), ALIGN)] : [];
  if (damaged.length > 0) {
    const rows = damaged.map((entry) => [entry.folder, entry.problem]);
    parts.push(renderTable(['damaged', 'problem'], rows, ['left', 'left']));
  }
  return parts.length > 0 ? parts.join('\n\n') : `No run folders in ${folder}.`;
}

function cells(run: IntactRun): string[] {
  const { benchmark, split, shard, state, failed, score, answered, questions } = run;
  return [
    `${benchmark} ${split}${shard ? `, shard ${shard}` : ''}`,
    failed > 0 ? `${state === 'failed' ? '' : `${state}, `}${failed} failed` : state,
    score?.name ?? '-',
    score ? `${score.value.toFixed(2)}${score.isPoints ? '' : ' %'}` : '-',
    `${answered}/${questions ?? '?'}`,
    ...[run.model, String(run.resolution ?? '-'), run.precision, run.device],
    run.updatedAt.slice(0, 16).replace('T', ' '),
    megabytes(run.bytes),
    run.folder,
  ];
}
