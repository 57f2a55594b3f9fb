import type { DownloadsOnDemand } from '../downloads/downloads-on-demand.js';
import type { Answerer } from '../evaluation/answerer.js';
import { chooseModel } from '../evaluation/choose-model.js';
import { endpointAnswerer } from '../evaluation/endpoint-answerer.js';
import { modelAnswerer } from '../evaluation/model-answerer.js';
import { openModelSession } from '../evaluation/model-session.js';
import { openEndpoint } from '../evaluation/open-endpoint.js';
import type { ConvMode } from '../model/conversation.js';
import { checkPrecision, parseDevice, parseDevices } from '../model/inference/device.js';
import { checkDevices } from '../model/inference/device-trial.js';
import type { Precision } from '../model/precision.js';
import type { TokenPrices } from '../results/runs/latency.js';
import { usageError } from '../shared/errors.js';

/** Options that say what answers the questions: a model on this machine, or one behind a server. */
export interface AnswererOptions {
  model?: string;
  resolution?: number;
  precision?: Precision;
  clipTower?: string;
  /** Base model of a LoRA checkpoint. */
  base?: string;
  device: string;
  devices?: string;
  threads?: number;
  batchSize: number | 'auto';
  convMode?: ConvMode;
  /** Base URLs of servers with the same model. */
  endpoint?: string[];
  endpointModel?: string;
  /** Environment variable with the key. */
  endpointKey?: string;
  systemPrompt?: string;
  concurrency?: number | 'auto';
  /** Seconds. */
  requestTimeout?: number;
  prices?: TokenPrices;
}

/** Opens an answerer. @throws UserError when it cannot be used */
export type OpenAnswerer = (downloads: DownloadsOnDemand, signal: AbortSignal) => Promise<Answerer>;

const REQUEST_TIMEOUT = 300; // seconds; a model on a CPU takes minutes for a long answer

/** Checks the options before any work. @throws UserError (usage) when they do not fit together */
export function answererOf(options: AnswererOptions): OpenAnswerer {
  return options.endpoint === undefined ? modelOf(options) : endpointOf(options, options.endpoint);
}

function modelOf(options: AnswererOptions): OpenAnswerer {
  const { endpointModel, endpointKey, systemPrompt, concurrency, requestTimeout, prices } = options;
  const { batchSize, convMode } = options;
  const onlyServers = { endpointModel, endpointKey, systemPrompt, concurrency, requestTimeout, prices };
  if (Object.values(onlyServers).some((value) => value !== undefined)) {
    throw usageError(
      '--endpoint-model, --endpoint-key, --system-prompt, --concurrency, --request-timeout and --prices need --endpoint.',
    );
  }
  const devices = options.devices === undefined ? [parseDevice(options.device)] : parseDevices(options.devices);
  for (const device of devices) checkPrecision(device, options.precision);
  return async (downloads) => {
    await checkDevices(devices);
    const model = await chooseModel(options, downloads);
    return modelAnswerer(await openModelSession(model, devices, options.threads), { batchSize, convMode });
  };
}

function endpointOf(options: AnswererOptions, urls: string[]): OpenAnswerer {
  const { endpointModel: model, endpointKey: keyVariable, systemPrompt, concurrency = 'auto', prices = null } = options;
  if (model === undefined) throw usageError('--endpoint needs --endpoint-model, the name of the model on the server.');
  const timeoutMs = 1000 * (options.requestTimeout ?? REQUEST_TIMEOUT);
  return async (_downloads, signal) => {
    const endpoint = await openEndpoint({ urls, model, keyVariable, systemPrompt, timeoutMs }, signal);
    return endpointAnswerer(endpoint, { concurrency, prices });
  };
}
