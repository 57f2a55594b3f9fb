import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { BENCHMARKS } from '../benchmarks/registry.js';
import { cacheFolder, defaultDataFolder } from '../cache-folder.js';
import { benchmarkEntry, readCatalogue } from '../datasets/catalogue.js';
import { freeBytes } from '../disk-space.js';
import { fileState } from '../downloads/download-lock.js';
import { isSplitThere } from '../downloads/download-split.js';
import { EXIT, messageOf } from '../errors.js';
import { deviceName, parseDevice } from '../model/inference/device.js';
import { MODEL_FILES, readManifest } from '../model/model-folder.js';
import { describeHost, describeSoftware } from '../results/host.js';
import { type Align, renderTable } from '../results/table.js';
import { VERSION } from '../version.js';

export interface DoctorCommandOptions {
  /** Hash files instead of trusting their size and time. */
  verify: boolean;
  json: boolean;
}

/** What is known of a split's download. */
interface DataState {
  benchmark: string;
  split: string;
  state: 'complete' | 'partial' | 'not here' | 'damaged';
  detail: string;
}

interface ModelState {
  name: string;
  precision: string;
  resolutions: number[];
  folder: string;
  problem: string | null;
}

/** `llavahr doctor`: what is installed, what is downloaded and intact, and what to run next. Exit code 1 for damage. */
export async function doctorCommand({ verify, json }: DoctorCommandOptions): Promise<number> {
  const dataFolder = defaultDataFolder();
  await mkdir(dataFolder, { recursive: true });
  const data = await dataStates(dataFolder, verify);
  const models = await modelStates(join(cacheFolder(), 'models'));
  const found = {
    software: describeSoftware(VERSION),
    host: { ...describeHost(), freeMemoryBytes: freemem(), freeDiskBytes: await freeBytes(dataFolder) },
    autoDevice: deviceName(parseDevice('auto')),
    dataFolder,
    data,
    models,
  };
  console.log(json ? JSON.stringify(found, null, 2) : doctorText(found));
  const isDamaged = data.some(({ state }) => state === 'damaged') || models.some(({ problem }) => problem !== null);
  return isDamaged ? EXIT.failed : EXIT.done;
}

async function dataStates(root: string, verify: boolean): Promise<DataState[]> {
  const catalogue = await readCatalogue();
  const states: DataState[] = [];
  for (const definition of BENCHMARKS) {
    const { name } = definition;
    for (const split of benchmarkEntry(catalogue, name).splits) {
      const files = await Promise.all(
        split.files.map(async ({ to }) => ({ to, state: await fileState(join(root, name), to, verify) })),
      );
      const changed = files.filter(({ state }) => state === 'changed').map(({ to }) => to);
      const missing = files.filter(({ state }) => state === 'missing').length;
      const row = (state: DataState['state'], detail: string) =>
        states.push({ benchmark: name, split: split.name, state, detail });
      if (changed.length > 0)
        row('damaged', `${changed.join(', ')} changed since the download: delete and download again`);
      else if (missing === files.length) row('not here', `llavahr download ${name} --split ${split.name}`);
      else if (missing > 0) row('partial', `${missing} of ${files.length} files are missing`);
      else {
        const isThere = await isSplitThere(definition, split, root).catch(messageOf);
        if (isThere === true) row('complete', verify ? 'hashes agree' : '');
        else row(isThere === false ? 'partial' : 'damaged', isThere === false ? 'images are missing' : isThere);
      }
    }
  }
  return states;
}

async function modelStates(folder: string): Promise<ModelState[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const states: ModelState[] = [];
  for (const name of names.filter((one) => existsSync(join(folder, one, MODEL_FILES.manifest)))) {
    const path = join(folder, name);
    try {
      const manifest = await readManifest(path);
      if (!manifest) continue;
      const files = [...manifest.weights.map((file) => file.name), ...manifest.resolutions.map(({ graph }) => graph)];
      const missing = files.filter((file) => !existsSync(join(path, file)));
      states.push({
        ...{ name: manifest.name, precision: manifest.precision, folder: path },
        resolutions: manifest.resolutions.map(({ resolution }) => resolution),
        problem: missing.length > 0 ? `${missing.join(', ')} missing: delete the folder` : null,
      });
    } catch (error) {
      states.push({ name, precision: '-', resolutions: [], folder: path, problem: messageOf(error) });
    }
  }
  return states;
}

function doctorText({
  software,
  host,
  autoDevice,
  dataFolder,
  data,
  models,
}: {
  software: ReturnType<typeof describeSoftware>;
  host: ReturnType<typeof describeHost> & { freeMemoryBytes: number; freeDiskBytes: number };
  autoDevice: string;
  dataFolder: string;
  data: readonly DataState[];
  models: readonly ModelState[];
}): string {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  const left: Align[] = ['left', 'left', 'left', 'left'];
  return [
    `llavahr ${software.llavahr}, Node.js ${software.node}, onnxruntime ${software.onnxruntime}, sharp ${software.sharp}`,
    `${host.cpu ?? host.platform}, ${host.cores} cores; --device auto is ${autoDevice}`,
    `memory: ${gigabytes(host.memoryBytes)}, ${gigabytes(host.freeMemoryBytes)} free; disk: ${gigabytes(host.freeDiskBytes)} free`,
    '',
    `Benchmarks in ${dataFolder}:`,
    renderTable(
      ['benchmark', 'split', 'state', 'what to know or do'],
      data.map((row) => [row.benchmark, row.split, row.state, row.detail]),
      left,
    ),
    '',
    models.length === 0 ? 'No exported models in the cache.' : 'Exported models in the cache:',
    ...(models.length === 0
      ? []
      : [
          renderTable(
            ['model', 'precision', 'sizes (px)', 'state'],
            models.map(({ name, precision, resolutions, problem }) => [
              ...[name, precision, resolutions.join(', ')],
              problem ?? 'complete',
            ]),
            left,
          ),
        ]),
  ].join('\n');
}
