import type { Unavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import { openAudit } from './audit.js';
import type { ConnectionListener, OpenSource } from './listener.js';
import { openPolling } from './polling.js';
import { openTraced } from './traced.js';

/** The sources of connections, the best first. */
export const connectionSources = ['tracefs+audit', 'tracefs', 'audit', 'polling'] as const;
export type ConnectionSource = (typeof connectionSources)[number];

/** Arms one source; every connection from then on is told, as far as the source can see it. */
export function openConnectionSource(
  source: ConnectionSource,
  host: Host,
  listener: ConnectionListener,
): Promise<OpenSource | Unavailable> {
  switch (source) {
    case 'tracefs+audit':
      return openTraced(host, listener, true);
    case 'tracefs':
      return openTraced(host, listener, false);
    case 'audit':
      return openAudit(host, listener);
    case 'polling':
      return openPolling(host, listener);
  }
}
