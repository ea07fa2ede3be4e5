import type { Unavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import { openAudit } from './audit.js';
import type { ProcessListener, OpenSource } from './listener.js';
import { openPolling } from './polling.js';
import { openProcConnector } from './proc-connector.js';

/** The sources of started programs, the best first. */
export const processSources = ['audit', 'proc-connector', 'polling'] as const;
export type ProcessSource = (typeof processSources)[number];

/** Arms one source; every program from then on is told, as far as the source can see it. */
export function openProcessSource(
  source: ProcessSource,
  host: Host,
  listener: ProcessListener,
): Promise<OpenSource | Unavailable> {
  switch (source) {
    case 'audit':
      return openAudit(host, listener);
    case 'proc-connector':
      return openProcConnector(host, listener);
    case 'polling':
      return openPolling(host, listener);
  }
}
