import type { Random } from './random.js';

/** A reader of files that others made, and how to damage what it reads. */
export interface FuzzTarget {
  /**
   * Puts a case's files into an empty folder and reads them as the program would. Anything but a UserError or an
   * ImageError that comes out is a finding.
   */
  run(folder: string, random: Random): Promise<void>;
}
