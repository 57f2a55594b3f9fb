import { extname } from 'node:path';
import type { Asset, Catalogue } from '../../datasets/catalogue-schema.js';
import { fitsName } from './file-names.js';
import type { TaskFile } from './task-file.js';

const FORMATS: Readonly<Record<string, Asset['format']>> = {
  '.zip': 'zip',
  '.json': 'json',
  '.jsonl': 'jsonl',
  '.parquet': 'parquet',
};

/** The downloads of a task file as entries of a catalogue; null when it has none. */
export function taskDownloads({ name, licence, splits }: TaskFile): Pick<Catalogue, 'assets' | 'benchmarks'> | null {
  const assets: Record<string, Asset> = {};
  const entries = Object.entries(splits).flatMap(([split, { files, downloads = [] }]) => {
    if (downloads.length === 0) return [];
    const placed = downloads.map(({ to, ...file }, i) => {
      const asset = `${name}-${split}-${i + 1}`;
      const format = FORMATS[extname(to).toLowerCase()] ?? 'other';
      assets[asset] = { ...file, format, confidence: 'unverified', evidence: 'task file' };
      return { to, asset };
    });
    const isTable = ({ to }: { to: string }): boolean => files.some((file) => fitsName(file, to));
    return [
      {
        name: split,
        files: placed.filter(isTable),
        images: placed.filter((file) => !isTable(file)).map((file) => ({ kind: 'archive' as const, ...file })),
      },
    ];
  });
  if (entries.length === 0) return null;
  const terms = { text: licence ?? 'not stated', confidence: 'unverified' as const, gated: false };
  return { assets, benchmarks: [{ name, licence: terms, splits: entries }] };
}
