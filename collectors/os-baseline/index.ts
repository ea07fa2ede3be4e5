import type { SnapshotCollector } from '../interface/collector.js';

/**
 * How far the device is from a secure configuration: each check that failed, or that could not be made. The checks are
 * loaded with the first snapshot: a device that has them switched off does not hold them.
 */
export const osBaseline: SnapshotCollector<'OSBaseline'> = {
  kind: 'snapshot',
  name: 'OSBaseline',
  async collect(context) {
    const { collect } = await import('./collect.js');
    return collect(context);
  },
};
