import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cudaPackage, downloadCudaPackage, installCudaPackage, isInstalled } from '../downloads/cuda-libraries.js';
import { openRequests } from '../fetch/http.js';
import { tryDevice } from '../model/inference/device-trial.js';
import { cacheFolder } from '../shared/cache-folder.js';
import { EXIT } from '../shared/errors.js';
import { messageStream, say } from '../shared/log.js';

import { startTransferProgress } from '../terminal/transfer-progress.js';
import { printJson, type SetupCudaJson } from './json-output.js';

export interface SetupCudaCommandOptions {
  /** NuGet package on the disk, instead of a download. */
  from?: string;
  /** Install again what is installed. */
  force: boolean;
  json: boolean;
}

/** `llavahr setup-cuda`: installs ONNX Runtime's CUDA libraries and tries the GPU. A missing GPU is no failure. */
export async function setupCudaCommand({ from, force, json }: SetupCudaCommandOptions): Promise<number> {
  const wanted = cudaPackage();
  const wasInstalled = isInstalled(wanted) && !force;
  if (wasInstalled)
    say(
      'info',
      `The CUDA libraries of ONNX Runtime ${wanted.version} are already installed. Use --force to install them again.`,
    );
  else await install(wanted, from);
  const { problem } = await tryDevice('cuda');
  if (problem === null) say('info', 'The GPU works: --device cuda can be used.');
  else say('warn', `The libraries are installed, but the GPU cannot be used yet: ${problem}`);
  const files = wanted.members.map(({ to }) => to);
  if (json) {
    const outcome = wasInstalled ? 'unchanged' : 'installed';
    printJson<SetupCudaJson>({ outcome, version: wanted.version, files, problem });
  } else for (const file of files) console.log(file);
  return EXIT.done;
}

async function install(wanted: ReturnType<typeof cudaPackage>, from: string | undefined): Promise<void> {
  if (from !== undefined) return installCudaPackage(wanted, from);
  const requests = openRequests();
  const progress = startTransferProgress(messageStream());
  try {
    say('info', `Downloading the CUDA libraries of ONNX Runtime ${wanted.version}`);
    const transfer = progress.begin(wanted.name, null);
    const folder = join(cacheFolder(), 'downloads');
    const file = await downloadCudaPackage(requests, wanted, folder, transfer.update).finally(transfer.end);
    await installCudaPackage(wanted, file);
    await rm(file);
  } finally {
    progress.stop();
    await requests.close();
  }
}
