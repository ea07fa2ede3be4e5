import { reasonOf } from '../../base/errors.js';
import { withCode } from '../../contract/error-code.js';
import { ServiceError } from '../identity/services/service-error.js';
import type { FailureKind } from './failure-kind.js';
import { failureRules, type Endpoint } from './failure-rules.js';

export type { FailureKind } from './failure-kind.js';
export type { Endpoint } from './failure-rules.js';

/** One failed step towards the hub; the message is a sentence for the operator, with every secret taken out. */
export class HubError extends Error {
  override readonly name = 'HubError';

  constructor(
    readonly kind: FailureKind,
    message: string,
    /** That a message may have been the cause, in sentences that the message ends with. */
    readonly suspicion?: string,
  ) {
    super(scrubSecrets(suspicion === undefined ? message : `${message} ${suspicion}`));
  }
}

/** The hub answered one request, and the answer was no: the connection is sound. */
export function isRefusal(failure: Pick<HubError, 'kind'>): boolean {
  return ['throttled', 'refused', 'unavailable'].includes(failure.kind);
}

/** Whatever was thrown, as a HubError; what is none is a fault of the protocol. */
export function asHubError(error: unknown): HubError {
  if (error instanceof HubError) return error;
  if (error instanceof ServiceError) return new HubError(error.kind, error.message);
  return new HubError('protocol', reasonOf(error));
}

/** Removes keys and signatures from a text that comes from elsewhere. */
function scrubSecrets(text: string): string {
  return text
    .replace(/SharedAccessKey\s*=\s*[^;\s"']+/gi, 'SharedAccessKey=***')
    .replace(/SharedAccessSignature(\s+|\s*=\s*)[^\s"';]+/gi, 'SharedAccessSignature ***')
    .replace(/\bsig=[^&\s"';]+/gi, 'sig=***');
}

/** The SDK wraps whatever fails before its first success as "Not authorized"; the truth is behind the colon. */
const misleading = /^.*Failure on first connection \(Not authorized\):\s*/s;

/**
 * Makes one `HubError` of whatever the SDK gives.
 * @param action what was attempted, as it continues "Could not …", for example `connect to the IoT Hub`.
 */
export function classifyFailure(error: unknown, action: string, endpoint: Endpoint): HubError {
  if (error instanceof HubError) return error;
  const text = describe(error).replace(misleading, '');
  const subject = `Could not ${action} at ${endpoint.dialled}`;
  for (const rule of failureRules) {
    const found = rule.pattern.exec(text);
    if (found !== null)
      return new HubError(rule.kind, `${subject}: ${coded(rule.reason(endpoint, found), action)}.`);
  }
  return new HubError('protocol', `${subject}: ${coded(text || 'no reason was given', action)}.`);
}

/** The retired agents had a code for whatever kept them from connecting. */
function coded(reason: string, action: string): string {
  return action.startsWith('connect') ? withCode(reason, 'Authentication / Other') : reason;
}

/** The connection was lost after it had been established; the hub gives no reason (MQTT 3.1.1 has none). */
export function dropped(error: unknown, endpoint: Endpoint): HubError {
  const why = describe(error).replace(misleading, '');
  return new HubError(
    'dropped',
    `The connection to ${endpoint.dialled} was lost: ${why || 'it was closed'}.`,
  );
}

/** Name, code and message of an error and of what it wraps; nothing else of it, a transport error holds options. */
function describe(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : '';
  const { code, transportError } = error as { code?: unknown; transportError?: unknown };
  const parts = [error.message];
  if (typeof code === 'string' && !error.message.includes(code)) parts.unshift(code);
  if (transportError !== error && depth < 3) parts.push(describe(transportError, depth + 1));
  return [...new Set(parts.filter((part) => part !== ''))].join(' ').replace(/[\s.]+$/, '');
}
