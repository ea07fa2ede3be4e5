import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { certificateOf } from '../hub/client-certificate.js';
import type { HttpRefusal } from '../hub/faults.js';
import { CallAllowance } from '../hub/throttle.js';
import type { EnrolmentList, Verified } from './enrolment-list.js';
import { readRequest, send, type ServiceAnswer, type ServiceRequest } from './http-service.js';
import type { Registrations } from './registrations.js';

/** Ways to misbehave. */
export interface ProvisioningFaults {
  /** Every request is refused so. */
  refuse: HttpRefusal | undefined;
  /** A registration says so often that it is at work before it is done. */
  pollsUntilAssigned: number;
  /** What the device is asked to wait between two polls; the service says 3. */
  retryAfterSeconds: number;
  requestsPerMinute: number;
}

/** A request, and what came of it. */
export interface ProvisioningCall {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Of a refusal; for the operator, because the client gets to know less. */
  readonly reason: string;
}

interface ProvisioningApiOptions {
  readonly idScope: string;
  readonly enrolments: EnrolmentList;
  readonly registrations: Registrations;
  readonly faults: Readonly<ProvisioningFaults>;
  /** The device registers. */
  readonly provision: (registrationId: string, verified: Verified) => Promise<void>;
  readonly onCall: (call: ProvisioningCall) => void;
}

type Told = ServiceAnswer & { readonly reason?: string };

/** What a device asks the service over HTTPS: POST looks up, PUT registers, GET asks how that goes. */
export class ProvisioningApi {
  readonly #options: ProvisioningApiOptions;
  readonly #allowance = new CallAllowance();

  constructor(options: ProvisioningApiOptions) {
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request;
    const read = await readRequest(request);
    const answer =
      read === undefined
        ? refusal(400, 400004, 'Bad request', 'the request cannot be read')
        : await this.#answer(read);
    this.#options.onCall({ method, path, status: answer.status, reason: answer.reason ?? '' });
    send(response, answer);
  }

  async #answer(request: ServiceRequest): Promise<Told> {
    const { faults, idScope, enrolments } = this.#options;
    if (faults.refuse !== undefined) {
      const { status, retryAfterSeconds } = faults.refuse;
      return refusal(status, status * 1000 + 1, 'refused on demand', undefined, retryAfterSeconds);
    }
    const wait = this.#allowance.take(faults.requestsPerMinute, Date.now());
    if (wait > 0) return refusal(429, 429001, 'Throttling', 'too many requests', wait);
    const [scope, resource, registrationId = '', ...action] = request.path;
    if (resource !== 'registrations' || !/^[A-Za-z0-9\-._:]{1,128}$/.test(registrationId)) {
      return refusal(404, 404001, 'Resource not found', 'no such resource');
    }
    if (!/^20\d\d-\d\d-\d\d(-preview)?$/.test(request.query.get('api-version') ?? '')) {
      return refusal(400, 400004, 'Bad request', 'there is no api-version');
    }
    const verified = enrolments.verify(
      {
        idScope,
        registrationId,
        token: request.headers.authorization ?? '',
        certificate: certificateOf(request.socket),
      },
      Date.now(),
    );
    if (scope !== idScope || 'refused' in verified) {
      const reason = 'refused' in verified ? verified.refused : `there is no scope ${scope ?? ''}`;
      return refusal(401, 401002, 'Unauthorized', reason);
    }
    const verb = [request.method, ...action.slice(0, 1)].join(' ');
    const id = registrationId.toLowerCase();
    if (verb === 'POST') return this.#lookUp(id, request);
    if (verb === 'PUT register') return this.#register(id, request, verified);
    if (verb === 'GET operations') return this.#poll(id, action[1] ?? '');
    return refusal(404, 404001, 'Resource not found', `there is nothing for ${verb}`);
  }

  #lookUp(id: string, request: ServiceRequest): Told {
    const fault = bodyFault(id, request);
    if (fault !== undefined) return fault;
    const state = this.#options.registrations.find(id);
    if (state === undefined) return refusal(404, 404204, 'Registration not found');
    const isDisabled = this.#options.enrolments.isDisabled(id);
    return { status: 200, body: isDisabled ? { ...state, status: 'disabled' } : state };
  }

  async #register(id: string, request: ServiceRequest, verified: Verified): Promise<Told> {
    const fault = bodyFault(id, request);
    if (fault !== undefined) return fault;
    const { enrolments, registrations, faults, provision } = this.#options;
    if (!enrolments.isDisabled(id)) await provision(id, verified);
    const operationId = registrations.begin(id, faults.pollsUntilAssigned);
    return this.#atWork(operationId);
  }

  #poll(id: string, operationId: string): Told {
    const { registrations, enrolments } = this.#options;
    const progress = registrations.poll(operationId, id);
    if (progress === undefined) return refusal(404, 404202, 'Operation not found');
    if (progress === 'at-work') return this.#atWork(operationId);
    const state = registrations.find(id);
    const isDisabled = enrolments.isDisabled(id);
    const status = isDisabled ? 'disabled' : (state?.status ?? 'unassigned');
    const registrationState = { registrationId: id, ...state, status };
    return { status: 200, body: { operationId, status, registrationState } };
  }

  #atWork(operationId: string): Told {
    return {
      status: 202,
      headers: { 'retry-after': String(this.#options.faults.retryAfterSeconds) },
      body: { operationId, status: 'assigning' },
    };
  }
}

/** The body names the device once more. */
function bodyFault(id: string, { body }: ServiceRequest): Told | undefined {
  const named = body?.['registrationId'];
  if (typeof named === 'string' && named.toLowerCase() === id) return undefined;
  return refusal(400, 400004, 'Bad request', 'the body does not name the registration id');
}

/** In the form of the service; `reason` is for the operator alone. */
function refusal(
  status: number,
  errorCode: number,
  message: string,
  reason = message,
  retryAfterSeconds?: number,
): Told {
  const timestampUtc = new Date().toISOString();
  return {
    status,
    headers: {
      'x-ms-error-code': String(errorCode),
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    },
    body: { errorCode, trackingId: randomUUID(), message, timestampUtc },
    reason,
  };
}
