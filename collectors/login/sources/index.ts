import type { Source } from '../../interface/source.js';
import { audit } from './audit.js';
import type { LoginFacts } from './facts.js';
import { journal } from './journal.js';
import { wtmp } from './wtmp.js';

/** The sources of logins, the best first. */
export const loginSources: readonly Source<LoginFacts>[] = [audit, wtmp, journal];
