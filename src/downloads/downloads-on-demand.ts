import type { Downloads } from './downloads.js';

/** Loads the download code when it is first needed; most commands download nothing. */
export interface DownloadsOnDemand {
  open(): Promise<Downloads>;
  close(): Promise<void>;
}

/** @param offline refuse everything that is not on the disk yet */
export function downloadsOnDemand(offline: boolean): DownloadsOnDemand {
  let opening: Promise<Downloads> | undefined;
  return {
    open() {
      opening ??= import('./downloads.js').then(({ openDownloads }) => openDownloads(offline));
      return opening;
    },
    close: async () => (await opening)?.close(),
  };
}
