import type { Source } from '../../interface/source.js';
import { audit } from './audit.js';
import type { ConnectionFacts } from './facts.js';
import { polling } from './polling.js';
import { traced, tracedAndAudited } from './traced.js';

/** The sources of connections, the best first. */
export const connectionSources: readonly Source<ConnectionFacts>[] = [
  tracedAndAudited,
  traced,
  audit,
  polling,
];
