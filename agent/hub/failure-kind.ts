import type { ServiceErrorKind } from '../identity/services/service-error.js';

/**
 * What went wrong between the agent and the hub; the kind decides the reaction, the message is one sentence for
 * the operator. Never holds a key, a token or a connection string.
 */
export type FailureKind = ServiceErrorKind | 'dropped' | 'refused';
