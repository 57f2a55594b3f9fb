/** Names of the modules in targets/, each exporting a `target`. */
export const TARGETS = [
  ...['safetensors', 'torch', 'checkpoint', 'tokenizer', 'model-folder'],
  ...['images', 'zip', 'parquet', 'annotations', 'tasks', 'predictions', 'results', 'records', 'servers'],
] as const;

/** URL of a target's module. */
export function targetModule(name: string): string {
  return new URL(`./targets/${name}.js`, import.meta.url).href;
}
