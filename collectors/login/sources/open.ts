import type { Unavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import { openAudit } from './audit.js';
import { openJournal } from './journal.js';
import type { LoginListener, OpenSource } from './listener.js';
import { openWtmp } from './wtmp.js';

/** The sources of logins, the best first. */
export const loginSources = ['audit', 'wtmp', 'journal'] as const;
export type LoginSource = (typeof loginSources)[number];

/** Arms one source; every login from then on is told, as far as the source can see it. */
export function openLoginSource(
  source: LoginSource,
  host: Host,
  listener: LoginListener,
): Promise<OpenSource | Unavailable> {
  switch (source) {
    case 'audit':
      return openAudit(host, listener);
    case 'wtmp':
      return Promise.resolve(openWtmp(host, listener));
    case 'journal':
      return openJournal(host, listener);
  }
}
