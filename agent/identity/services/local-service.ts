import { request } from 'node:http';
import { plainReason } from '../../../base/errors.js';
import { ServiceError } from './service-error.js';
import { AnswerFault, exchange, type Answer } from './exchange.js';

/** A service of IoT Edge on this machine, spoken to over HTTP without TLS. */
export interface LocalService {
  /** A unix socket, or an address of the network inside a device. */
  readonly at: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  readonly timeoutMs: number;
  /** What it means when there is no socket, nobody listens, or this user may not; each completes "Could not … : …". */
  readonly absent: string;
  readonly deaf: string;
  readonly forbidden: string;
}

/** @throws ServiceError when there is no answer; what its status means is the caller's affair */
export async function askLocal(
  service: LocalService,
  attempt: string,
  method: 'GET' | 'POST',
  path: string,
  content?: unknown,
): Promise<Answer> {
  const body = content === undefined ? undefined : JSON.stringify(content);
  const signal = AbortSignal.timeout(service.timeoutMs);
  try {
    return await exchange(
      request({
        ...service.at,
        method,
        path,
        agent: false,
        signal,
        headers: {
          // Of a unix socket there is no name.
          ...('socketPath' in service.at ? { host: 'localhost' } : {}),
          ...(body === undefined
            ? {}
            : {
                'content-type': 'application/json',
                'content-length': String(Buffer.byteLength(body)),
              }),
        },
      }),
      body,
    );
  } catch (error) {
    const { kind, reason } = faultOf(signal.aborted ? signal.reason : error, service);
    throw new ServiceError(kind, `${subjectOf(service, attempt)}: ${reason}.`);
  }
}

/** "Could not … at …" */
export function subjectOf({ at }: LocalService, attempt: string): string {
  return `Could not ${attempt} at ${'socketPath' in at ? at.socketPath : `${at.host}:${at.port}`}`;
}

function faultOf(
  error: unknown,
  service: LocalService,
): { kind: ServiceError['kind']; reason: string } {
  if (error instanceof AnswerFault) return { kind: 'protocol', reason: `it ${error.message}` };
  if (error instanceof Error && error.name === 'TimeoutError') {
    return { kind: 'timeout', reason: 'there was no answer in time; look at the log of IoT Edge' };
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { kind: 'network', reason: service.absent };
    case 'ECONNREFUSED':
      return { kind: 'network', reason: service.deaf };
    case 'EACCES':
    case 'EPERM':
      return { kind: 'authorisation', reason: service.forbidden };
    case 'ECONNRESET':
    case 'EPIPE':
      // So its services shed more than ten requests of one user at a time.
      return { kind: 'unavailable', reason: 'it closed the connection without an answer' };
    default:
      return { kind: 'network', reason: plainReason(error) };
  }
}
