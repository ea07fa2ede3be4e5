import type { Clock } from '../../../base/clock.js';
import { localSettings } from '../../../config/local-settings.js';
import { readSetting } from '../../../config/read-setting.js';
import type { ProofOfFile } from '../credentials/proof.js';
import { ServiceError } from './service-error.js';
import { deviceAuthentication } from './device-proof.js';
import { jsonBody, textIn, type Answer } from './exchange.js';
import { addressOf, askHttps, placeOf, type HttpsService } from './https-client.js';
import { serviceTrouble } from './service-trouble.js';

const apiVersion = '2019-03-31';
/** Where the service does not say how long its work takes. */
const usualPollMs = 3_000;
const longestPollMs = 30_000;
/** A hub is assigned within seconds; what takes longer is looked for at the next attempt to connect. */
const longestAssigningMs = 60_000;

/** Who asks the provisioning service. Holds a secret. */
export interface Registration {
  readonly idScope: string;
  readonly registrationId: string;
  readonly proof: ProofOfFile;
}

/** The hub that a device belongs to, and its id there. */
export interface Assignment {
  readonly hostName: string;
  readonly deviceId: string;
}

interface ProvisioningOptions {
  /** Milliseconds since the epoch, as the service has it. */
  readonly hubTimeMs: () => number;
  readonly clock: Clock;
}

/** The Device Provisioning Service over HTTPS, which knows to which hub a device is assigned. */
export class ProvisioningService {
  constructor(private readonly options: ProvisioningOptions) {}

  /**
   * Looks up what was assigned last, which changes nothing.
   * @returns undefined where nothing is assigned
   * @throws ServiceError
   */
  async lookUp(service: HttpsService, registration: Registration): Promise<Assignment | undefined> {
    const attempt = 'look up the hub of the device';
    const answer = await this.ask(service, registration, attempt, 'POST', '');
    const subject = `Could not ${attempt} at ${placeOf(service)}`;
    if (answer.status === 404) return undefined;
    const state = stateOf(answer, subject, service, registration);
    if (state.status === 'assigned') return state.assignment;
    if (state.status === 'unassigned') return undefined;
    throw new ServiceError('unavailable', `${subject}: it is being assigned to one just now.`);
  }

  /**
   * Registers the device, and waits until it is assigned to a hub.
   * @throws ServiceError
   */
  async register(service: HttpsService, registration: Registration): Promise<Assignment> {
    const { clock } = this.options;
    const attempt = 'register the device';
    const subject = `Could not ${attempt} at ${placeOf(service)}`;
    const startedMs = clock.monotonicMs();
    let answer = await this.ask(service, registration, attempt, 'PUT', '/register');
    for (;;) {
      const state = stateOf(answer, subject, service, registration);
      if (state.status === 'assigned') return state.assignment;
      const { operationId } = state;
      if (operationId === undefined) {
        throw new ServiceError(
          'protocol',
          `${subject}: the answer says neither that it is assigned nor by which operation it will be [Authentication / Other].`,
        );
      }
      if (clock.monotonicMs() - startedMs > longestAssigningMs) {
        const seconds = longestAssigningMs / 1000;
        throw new ServiceError('unavailable', `${subject}: no hub was assigned in ${seconds} s.`);
      }
      await this.pause(Math.min(answer.retryAfterMs ?? usualPollMs, longestPollMs));
      const path = `/operations/${encodeURIComponent(operationId)}`;
      answer = await this.ask(service, registration, attempt, 'GET', path);
    }
  }

  private async ask(
    service: HttpsService,
    { idScope, proof, registrationId }: Registration,
    attempt: string,
    method: 'GET' | 'POST' | 'PUT',
    path: string,
  ): Promise<Answer> {
    const resource = `${idScope}/registrations/${registrationId}`;
    const nowMs = this.options.hubTimeMs();
    return askHttps(service, {
      attempt,
      method,
      path: `/${encodeURIComponent(idScope)}/registrations/${encodeURIComponent(registrationId)}${path}?api-version=${apiVersion}`,
      ...(method === 'GET' ? {} : { body: JSON.stringify({ registrationId }) }),
      ...(await deviceAuthentication(proof, { resource, policy: 'registration', nowMs })),
    });
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.options.clock.after(ms, resolve));
  }
}

type State =
  | { readonly status: 'assigned'; readonly assignment: Assignment }
  | { readonly status: 'assigning' | 'unassigned'; readonly operationId: string | undefined };

function stateOf(
  answer: Answer,
  subject: string,
  service: HttpsService,
  registration: Registration,
): State {
  const { status } = answer;
  if (status === 401 || status === 403) {
    throw new ServiceError(
      'authorisation',
      `${subject}: ${refusal(registration)}.`,
      undefined,
      addressOf(service),
    );
  }
  if (status === 404) {
    throw new ServiceError(
      'authorisation',
      `${subject}: it has no enrolment for ${registration.registrationId} under the ID scope ${registration.idScope}; check identity.dps [Authentication / Not Found].`,
    );
  }
  if (status < 200 || status > 299) throw serviceTrouble(answer, subject, service.settings);
  const body = jsonBody(answer);
  const operationId = textIn(body, 'operationId', 256);
  // The state of an operation holds that of the registration; a look-up answers with the latter alone.
  const state = body?.['registrationState'] ?? body;
  const said = textIn(state, 'status') ?? textIn(body, 'status');
  switch (said) {
    case 'assigned':
      return { status: said, assignment: assignmentIn(state, subject) };
    case 'assigning':
    case 'unassigned':
      return { status: said, operationId };
    case 'disabled':
      throw new ServiceError(
        'authorisation',
        `${subject}: the enrolment of ${registration.registrationId} is disabled; enable it [Authentication / Unauthorized].`,
      );
    case 'failed':
      throw new ServiceError(
        'authorisation',
        `${subject}: it says that the registration has failed${numberOf(state)}; look at the enrolment of ${registration.registrationId} [Authentication / Other].`,
      );
    default:
      throw new ServiceError(
        'protocol',
        `${subject}: the answer is not the state of a registration; check ${service.settings} [Authentication / Other].`,
      );
  }
}

function numberOf(state: unknown): string {
  const code: unknown =
    typeof state === 'object' && state !== null ? Reflect.get(state, 'errorCode') : undefined;
  return Number.isSafeInteger(code) ? ` (error ${String(code)})` : '';
}

/** Both come from the network, and go into names that are dialled and into topics. */
function assignmentIn(state: unknown, subject: string): Assignment {
  const hostName = textIn(state, 'assignedHub');
  const deviceId = textIn(state, 'deviceId');
  if (isAssignment({ hostName, deviceId })) return { hostName, deviceId } as Assignment;
  throw new ServiceError(
    'protocol',
    `${subject}: it names a hub or a device whose name no hub or device can have [Authentication / Other].`,
  );
}

/** Whether both are there and may be used as what they are. */
export function isAssignment(found: {
  readonly hostName: unknown;
  readonly deviceId: unknown;
}): found is Assignment {
  const usable = (key: 'identity.hostName' | 'identity.deviceId', value: unknown): boolean =>
    typeof value === 'string' && readSetting(localSettings[key], value, false).kind !== 'mismatch';
  return usable('identity.hostName', found.hostName) && usable('identity.deviceId', found.deviceId);
}

function refusal({ idScope, proof, registrationId }: Registration): string {
  const what =
    proof.kind === 'key'
      ? 'check that identity.keyFile holds the key of the individual enrolment, or the one derived from the key of the group for this registration id'
      : 'check identity.certificateFile, and that its subject is the registration id where the enrolment is that of a group';
  return `it refused ${registrationId} under the ID scope ${idScope}; ${what}, identity.dps, and the clock of the device [Authentication / Unauthorized]`;
}
