import type { FileScan } from '../../interface/file-scan.js';
import type { SubjectReader } from './fact-reader.js';
import { absent, found } from './reading.js';

/**
 * The last scan. Before the first one its checks do not apply yet: nothing is wrong with the device, and an error in every
 * snapshot of its first day would say that something were.
 */
export const readFileScan: SubjectReader<FileScan> = async ({ host, limit }) => {
  const scan = host.fileScans.latest();
  if (scan !== undefined) return found(scan);
  limit(
    'The files of the device have not been scanned yet; that is done in the maintenance window.',
  );
  return Promise.resolve(absent('the files have not been scanned yet'));
};
