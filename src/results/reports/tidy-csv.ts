import { stringify } from 'csv-stringify/sync';

/** Header of every CSV file: the same for reports, comparisons, ablations and timings, so that they can be put together. */
const COLUMNS = [
  ...['run', 'model', 'family', 'resolution', 'trained_resolution', 'low_resolution'],
  ...['visual_tokens', 'precision', 'device'],
  ...['benchmark', 'split', 'protocol', 'metric', 'unit', 'value', 'low', 'high', 'n', 'failed'],
  ...['published', 'published_source'],
  ...['baseline', 'difference', 'difference_low', 'difference_high', 'p', 'p_holm'],
  ...['only_baseline', 'only_this', 'p_mcnemar'],
  ...['batch_size', 'prompt_tokens', 'new_tokens', 'repetition'],
] as const;

/** A metric of a run, a size or a repetition; absent where unknown. */
export type TidyRow = Partial<Record<(typeof COLUMNS)[number], string | number | null>>;

/**
 * Tidy CSV (RFC 4180, UTF-8), numbers at full precision, empty if unknown; differences are in the unit of the value. Text that
 * a spreadsheet would interpret as a formula is prefixed with an apostrophe.
 */
export function tidyCsv(rows: readonly TidyRow[]): string {
  return stringify([...rows], {
    header: true,
    columns: [...COLUMNS],
    record_delimiter: 'windows',
    quoted_match: /[\r\n]/, // the library only quotes the whole delimiter, but readers also stop at half of it
    escape_formulas: true,
  });
}
