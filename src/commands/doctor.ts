import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { readCatalogue } from '../datasets/catalogue.js';
import type { Catalogue } from '../datasets/catalogue-schema.js';
import { cudaPackage, isInstalled } from '../downloads/cuda-libraries.js';
import { type CheckpointState, checkpointStates, type SplitState, splitStates } from '../downloads/inventory.js';
import { type ExportedModel, exportedModels } from '../model/exported-models.js';
import { deviceName, parseDevice } from '../model/inference/device.js';
import { tryDevice } from '../model/inference/device-trial.js';
import { freeHostMemory } from '../model/inference/free-memory.js';
import { describeHost, describeSoftware, machineName } from '../results/runs/host.js';
import { gigabytes } from '../shared/byte-size.js';
import { cacheFolder, defaultDataFolder } from '../shared/cache-folder.js';
import { cpuQuota } from '../shared/cpu-quota.js';
import { freeBytes } from '../shared/disk-space.js';
import { EXIT, messageOf } from '../shared/errors.js';
import { VERSION } from '../shared/version.js';
import { wrapText } from '../shared/wrap-text.js';
import { terminalWidth } from '../terminal/style.js';
import { type Align, renderTable } from '../terminal/table.js';
import { type DoctorJson, printJson } from './json-output.js';

export interface DoctorCommandOptions {
  /** Check hashes, not only size and modification time. */
  verify: boolean;
  json: boolean;
}

type Findings = Omit<DoctorJson, 'schemaVersion'>;

/** `llavahr doctor`: checks the installation, devices, downloads and models. Exit code 1 if anything is damaged. */
export async function doctorCommand({ verify, json }: DoctorCommandOptions): Promise<number> {
  const dataFolder = defaultDataFolder();
  const catalogue = await readCatalogue();
  const [sharpProblem, devices, data, checkpoints, models] = await Promise.all([
    problemOfSharp(),
    Promise.all(['cpu', 'cuda', 'webgpu'].map((device) => tryDevice(device))),
    splitStates(catalogue, dataFolder, verify),
    checkpointStates(catalogue, verify),
    exportedModels(join(cacheFolder(), 'models'), verify),
  ]);
  const autoDevice = deviceName(parseDevice('auto'));
  const findings: Findings = {
    software: describeSoftware(VERSION),
    host: {
      ...describeHost(),
      freeMemoryBytes: freeHostMemory(),
      freeDiskBytes: await freeBytes(dataFolder),
      machineMemoryBytes: totalmem(),
      cpuQuota: cpuQuota(),
    },
    sharpProblem,
    autoDevice,
    devices,
    dataFolder,
    data,
    checkpoints,
    models,
    next: suggestions(catalogue, data, checkpoints, autoDevice),
  };
  if (json) printJson<DoctorJson>(findings);
  else console.log(doctorText(findings));
  const isDamaged =
    sharpProblem !== null ||
    [...data, ...checkpoints].some(({ state }) => state === 'damaged') ||
    models.some(({ problem }) => problem !== null) ||
    devices.some(({ device, problem }) => device === 'cpu' && problem !== null);
  return isDamaged ? EXIT.failed : EXIT.done;
}

/** sharp's package can be there without the binary for this platform. */
async function problemOfSharp(): Promise<string | null> {
  try {
    await import('../shared/sharp.js');
    return null;
  } catch (error) {
    return firstLine(messageOf(error).trim());
  }
}

/** Suggests resuming partial downloads, then evaluating what is complete, then a first download. */
function suggestions(
  { benchmarks }: Catalogue,
  data: readonly SplitState[],
  checkpoints: readonly CheckpointState[],
  autoDevice: string,
): Findings['next'] {
  const next: Findings['next'] = [];
  const add = (command: string, purpose: string): number => next.push({ command: `llavahr ${command}`, purpose });
  if (lacksCudaLibraries()) add('setup-cuda', 'makes the NVIDIA GPU usable');
  for (const { state, command } of [...data, ...checkpoints]) {
    if (state === 'partial' && command !== null) add(command, 'completes the download');
  }
  const model = checkpoints.find(({ state }) => state === 'complete')?.model;
  const complete = data.filter(({ state }) => state === 'complete');
  const isDefault = ({ benchmark, split }: SplitState): boolean =>
    benchmarks.find(({ name }) => name === benchmark)?.splits[0]?.name === split;
  if (model) {
    const options = `--model ${model}${autoDevice === 'cpu' ? '' : ' --precision fp16'}`;
    const usual = complete.filter(isDefault).map(({ benchmark }) => benchmark);
    if (usual.length > 0) add(`eval ${usual.join(',')} ${options}`, 'evaluates what is downloaded');
    for (const { benchmark, split } of complete.filter((one) => !isDefault(one))) {
      add(`eval ${benchmark} --split ${split} ${options}`, 'evaluates what is downloaded');
    }
  }
  if (complete.length === 0) add('download textvqa', 'downloads a first benchmark');
  if (!model) add('download model llava-hr-7b', 'downloads a released model');
  if (!model || complete.length === 0) add('eval textvqa', 'runs the embedded model on the embedded sample');
  return next;
}

/** Whether this computer has an NVIDIA GPU that ONNX Runtime cannot use because its CUDA libraries are missing. */
function lacksCudaLibraries(): boolean {
  const isSupported = process.platform === 'linux' && process.arch === 'x64';
  return isSupported && existsSync('/dev/nvidiactl') && !isInstalled(cudaPackage());
}

function doctorText(findings: Findings): string {
  const { software, host, sharpProblem, devices, autoDevice, dataFolder, data, checkpoints, models, next } = findings;
  return [
    `llavahr ${software.llavahr}, Node.js ${software.node}, onnxruntime ${software.onnxruntime}, sharp ${software.sharp}`,
    `${machineName(host)}${quotaText(host)}`,
    `memory: ${memoryText(host)}; disk: ${gigabytes(host.freeDiskBytes)} GB free`,
    ...(sharpProblem === null ? [] : [wrapText(`Images cannot be read: ${sharpProblem}`, terminalWidth)]),
    '',
    `Devices (--device auto selects ${autoDevice}):`,
    ...devices.map(({ device, problem }) =>
      wrapText(
        `  ${device}: ${problem === null ? 'works' : firstLine(problem).replace(/^--device \S+:? /, '')}`,
        terminalWidth,
      ),
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
    ...next.map(({ command, purpose }) => `  ${command}   # ${purpose}`),
  ].join('\n');
}

function memoryText({ memoryBytes, machineMemoryBytes, freeMemoryBytes }: Findings['host']): string {
  const limit =
    memoryBytes < machineMemoryBytes ? ` (limit of the container; ${gigabytes(machineMemoryBytes)} GB in all)` : '';
  return `${gigabytes(memoryBytes)} GB${limit}, ${gigabytes(freeMemoryBytes)} GB free`;
}

function quotaText({ cpuQuota: quota, cores }: Findings['host']): string {
  if (quota === null || quota >= cores) return '';
  return `, of which the container may use ${Number(quota.toFixed(1))}: --threads ${Math.max(1, Math.round(quota))}`;
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
