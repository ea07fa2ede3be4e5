import type { Source } from '../../interface/source.js';
import { audit } from './audit.js';
import { polling } from './polling.js';
import { procConnector } from './proc-connector.js';
import type { StartedProgram } from './program.js';

/** The sources of started programs, the best first. */
export const processSources: readonly Source<StartedProgram>[] = [audit, procConnector, polling];
