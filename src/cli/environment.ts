/** What the environment variables mean, for `--help`; docs/troubleshooting.md has defaults and more. */
const MEANINGS = {
  LLAVAHR_CACHE: 'exported models, downloads, grades (default: llavahr in XDG_CACHE_HOME)',
  LLAVAHR_DATA: 'downloaded benchmarks (default: data in the cache)',
  LLAVAHR_DATASETS: 'another datasets.json',
  OPENAI_API_KEY: "the judge's key, unless --judge-key names another variable",
  HF_ENDPOINT: 'address of the Hugging Face hub or of a mirror',
  HF_TOKEN: 'access token for gated repositories',
  HF_TOKEN_PATH: 'file with the access token (default: token in HF_HOME)',
  HF_HOME: "the hub's folder on this machine (default: huggingface in XDG_CACHE_HOME)",
  HF_HUB_CACHE: 'checkpoints (default: hub in HF_HOME); HUGGINGFACE_HUB_CACHE is read too',
  HTTPS_PROXY: 'proxy; also HTTP_PROXY, ALL_PROXY, and NO_PROXY for hosts to reach without one',
  CUDA_VISIBLE_DEVICES: 'the GPUs that may be used; cuda:0 is the first of them',
  LD_LIBRARY_PATH: "where CUDA's and cuDNN's libraries are",
  VK_ICD_FILENAMES: 'the Vulkan driver for webgpu',
  XDG_CACHE_HOME: 'base of the caches (default: .cache in HOME)',
  NO_COLOR: 'no colours, like TERM=dumb; COLUMNS sets the width of the text',
} as const;

/** An environment variable with a line in help texts. */
export type VariableName = keyof typeof MEANINGS;

/** Where exported models and downloads are kept. */
const CACHE: readonly VariableName[] = ['LLAVAHR_CACHE', 'XDG_CACHE_HOME'];
/** Where benchmarks come from. */
const DATA: readonly VariableName[] = ['LLAVAHR_DATA', 'LLAVAHR_DATASETS'];
/** Where checkpoints come from. */
const HUB: readonly VariableName[] = ['HF_ENDPOINT', 'HF_TOKEN', 'HF_TOKEN_PATH', 'HF_HOME', 'HF_HUB_CACHE'];
const DEVICES: readonly VariableName[] = ['CUDA_VISIBLE_DEVICES', 'LD_LIBRARY_PATH', 'VK_ICD_FILENAMES'];
const DOWNLOADS: readonly VariableName[] = [...CACHE, ...DATA, ...HUB, 'HTTPS_PROXY'];

/** The variables that a command reads, beside those of every text. */
export const READ_BY: Readonly<Record<string, readonly VariableName[]>> = {
  eval: [...DOWNLOADS, 'OPENAI_API_KEY', ...DEVICES],
  score: [...CACHE, 'LLAVAHR_DATA', 'OPENAI_API_KEY', 'HTTPS_PROXY'],
  show: [...CACHE, 'LLAVAHR_DATA'],
  merge: [...CACHE, 'LLAVAHR_DATA'],
  ablate: [...DOWNLOADS, ...DEVICES],
  latency: [...CACHE, 'LLAVAHR_DATASETS', ...HUB, 'HTTPS_PROXY', ...DEVICES],
  verify: DOWNLOADS,
  export: CACHE,
  download: DOWNLOADS,
  'setup-cuda': [...CACHE, 'HTTPS_PROXY', 'CUDA_VISIBLE_DEVICES', 'LD_LIBRARY_PATH'],
  list: ['LLAVAHR_DATASETS'],
  doctor: [...CACHE, ...DATA, 'HF_HOME', 'HF_HUB_CACHE', ...DEVICES],
  complete: ['LLAVAHR_DATASETS'],
};

/** "NAME: meaning" for each variable that a command reads; those about the text last. */
export function environmentLines(command: string): string[] {
  const names: VariableName[] = [...(READ_BY[command] ?? []), 'NO_COLOR'];
  return names.map((name) => `${name}: ${MEANINGS[name]}`);
}
