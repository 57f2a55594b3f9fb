import { existsSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { readCatalogue } from '../datasets/catalogue.js';
import { cudaPackage, isInstalled } from '../downloads/cuda-libraries.js';
import { type CheckpointState, checkpointStates, type SplitState, splitStates } from '../downloads/inventory.js';
import { type ExportedModel, exportedModels } from '../model/exported-models.js';
import { deviceName, parseDevice } from '../model/inference/device.js';
import { type DeviceTrial, tryDevice } from '../model/inference/device-trial.js';
import { describeHost, describeSoftware, type Host, type Software } from '../results/runs/host.js';
import { byteSize } from '../shared/byte-size.js';
import { cacheFolder, defaultDataFolder } from '../shared/cache-folder.js';
import { freeBytes } from '../shared/disk-space.js';
import { EXIT } from '../shared/errors.js';
import { VERSION } from '../shared/version.js';
import { wrapText } from '../shared/wrap-text.js';
import { terminalWidth } from '../terminal/style.js';
import { type Align, renderTable } from '../terminal/table.js';

export interface DoctorCommandOptions {
  /** Check hashes, not only size and modification time. */
  verify: boolean;
  json: boolean;
}

interface Findings {
  software: Software;
  host: Host & { freeMemoryBytes: number; freeDiskBytes: number };
  devices: DeviceTrial[];
  autoDevice: string;
  dataFolder: string;
  data: SplitState[];
  checkpoints: CheckpointState[];
  models: ExportedModel[];
  /** Suggested command lines, the most useful first. */
  next: string[];
}

/** `llavahr doctor`: checks the installation, devices, downloads and models. Exit code 1 if anything is damaged. */
export async function doctorCommand({ verify, json }: DoctorCommandOptions): Promise<number> {
  const dataFolder = defaultDataFolder();
  const catalogue = await readCatalogue();
  const [devices, data, checkpoints, models] = await Promise.all([
    Promise.all(['cpu', 'cuda', 'webgpu'].map(tryDevice)),
    splitStates(catalogue, dataFolder, verify),
    checkpointStates(catalogue, verify),
    exportedModels(join(cacheFolder(), 'models'), verify),
  ]);
  const findings: Findings = {
    software: describeSoftware(VERSION),
    host: { ...describeHost(), freeMemoryBytes: freemem(), freeDiskBytes: await freeBytes(dataFolder) },
    autoDevice: deviceName(parseDevice('auto')),
    devices,
    dataFolder,
    data,
    checkpoints,
    models,
    next: nextCommands(data, checkpoints),
  };
  console.log(json ? JSON.stringify(findings, null, 2) : doctorText(findings));
  const isDamaged =
    [...data, ...checkpoints].some(({ state }) => state === 'damaged') ||
    models.some(({ problem }) => problem !== null) ||
    devices.some(({ device, problem }) => device === 'cpu' && problem !== null);
  return isDamaged ? EXIT.failed : EXIT.done;
}

/** Suggests resuming partial downloads, then evaluating what is complete, then a first download. */
function nextCommands(data: readonly SplitState[], checkpoints: readonly CheckpointState[]): string[] {
  const partial = [...data, ...checkpoints].filter(({ state }) => state === 'partial');
  const model = checkpoints.find(({ state }) => state === 'complete')?.model;
  const benchmarks = [...new Set(data.filter(({ state }) => state === 'complete').map(({ benchmark }) => benchmark))];
  const next = [
    ...(lacksCudaLibraries() ? ['setup-cuda'] : []),
    ...partial.flatMap(({ command }) => (command === null ? [] : [command])),
  ];
  if (model && benchmarks.length > 0) next.push(`eval ${benchmarks.join(',')} --model ${model}`);
  if (benchmarks.length === 0) next.push('download textvqa');
  if (!model) next.push('download model llava-hr-7b');
  if (!model || benchmarks.length === 0) next.push('eval textvqa');
  return next.map((command) => `llavahr ${command}`);
}

/** Whether this computer has an NVIDIA GPU that ONNX Runtime cannot use because its CUDA libraries are missing. */
function lacksCudaLibraries(): boolean {
  const isSupported = process.platform === 'linux' && process.arch === 'x64';
  return isSupported && existsSync('/dev/nvidiactl') && !isInstalled(cudaPackage());
}

function doctorText(findings: Findings): string {
  const { software, host, devices, autoDevice, dataFolder, data, checkpoints, models, next } = findings;
  return [
    `llavahr ${software.llavahr}, Node.js ${software.node}, onnxruntime ${software.onnxruntime}, sharp ${software.sharp}`,
    `${host.cpu ?? host.platform}, ${host.cores} cores`,
    `memory: ${byteSize(host.memoryBytes)}, ${byteSize(host.freeMemoryBytes)} free; disk: ${byteSize(host.freeDiskBytes)} free`,
    '',
    `Devices (--device auto selects ${autoDevice}):`,
    ...devices.map(({ device, problem }) =>
      wrapText(`  ${device}: ${problem === null ? 'works' : firstLine(problem)}`, terminalWidth),
    ),
    '',
    `Benchmarks in ${dataFolder}:`,
    table(
      ['benchmark', 'split', 'state', 'notes'],
      data.map((row) => [row.benchmark, row.split, row.state, explanation(row)]),
    ),
    '',
    'Checkpoints in the Hugging Face cache:',
    table(
      ['model', 'state', 'notes'],
      checkpoints.map((row) => [row.model, row.state, explanation(row)]),
    ),
    '',
    models.length === 0 ? 'No exported models in the cache.' : 'Exported models in the cache:',
    ...(models.length === 0 ? [] : [modelTable(models)]),
    '',
    'Next:',
    ...next.map((command) => `  ${command}`),
  ].join('\n');
}

function modelTable(models: readonly ExportedModel[]): string {
  return table(
    ['model', 'precision', 'sizes (px)', 'state'],
    models.map(({ name, precision, resolutions, problem, outdated }) => [
      ...[name, precision, resolutions.join(', ')],
      problem ?? (outdated ? 'made by another version; will be exported again when needed' : 'complete'),
    ]),
  );
}

function table(headings: readonly string[], rows: readonly string[][]): string {
  return renderTable(
    headings,
    rows,
    headings.map((): Align => 'left'),
  );
}

function explanation({ detail, command }: { detail: string; command: string | null }): string {
  return [detail, command === null ? '' : `llavahr ${command}`].filter((text) => text !== '').join(': ');
}

/** Driver messages may have many lines. */
function firstLine(text: string): string {
  return text.split('\n', 1)[0]!;
}
