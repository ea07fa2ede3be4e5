import type { Log } from '../../base/log.js';
import type { Host } from '../../collectors/interface/host.js';
import type { KeptScan } from './kept-scan.js';
import type { MaintenanceWork } from './maintenance-window.js';

/** Looks at all files of the device for what the baseline asks of them. */
export function scanWork(
  host: Pick<Host, 'paths' | 'clock'>,
  scans: Pick<KeptScan, 'keep'>,
  log: Log,
): MaintenanceWork {
  return {
    name: 'scan the files of the device',
    run: async (signal) => {
      const { scanFiles } = await import('../../collectors/os-baseline/scan/scan-files.js');
      const scan = await scanFiles({ host, signal });
      await scans.keep(scan, log);
      const { durationMs, files, incomplete } = scan;
      const end = incomplete === undefined ? '' : `, not all of them: ${incomplete}`;
      log.info(`Scanned ${files} files in ${Math.round(durationMs / 1000)} s${end}.`);
    },
  };
}
