import { ServiceError } from './service-error.js';
import type { Answer } from './exchange.js';

/**
 * The error of an answer that says nothing about what was asked: the service wants fewer requests, has trouble, or is not
 * the one that was meant.
 * @param subject "Could not … at …"
 * @param settings those that name the service
 */
export function serviceTrouble(
  { retryAfterMs, status }: Answer,
  subject: string,
  settings: string,
): ServiceError {
  if (status === 429) {
    return new ServiceError(
      'throttled',
      `${subject}: it asks for fewer requests (429) [Authentication / Other].`,
      retryAfterMs,
    );
  }
  if (status >= 500) {
    return new ServiceError(
      'unavailable',
      `${subject}: it has trouble (${status}) [Authentication / Other].`,
      retryAfterMs,
    );
  }
  return new ServiceError(
    'protocol',
    `${subject}: it answered ${status}; check ${settings} [Authentication / Other].`,
  );
}
