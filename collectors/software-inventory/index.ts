import type { NewsCollector } from '../interface/collector.js';
import { watchPackages } from './watch.js';

const dayMs = 86_400_000;

/**
 * The packages of the device: all of them once, then what changed, once a day and a minute after its package manager was
 * at work. What reads them is loaded with the first look.
 */
export const softwareInventory: NewsCollector<'SoftwareInventory'> = {
  kind: 'snapshot',
  name: 'SoftwareInventory',
  leastIntervalMs: dayMs,
  async collect(context) {
    const { collect } = await import('./collect.js');
    return collect(context);
  },
  watch: watchPackages,
};
