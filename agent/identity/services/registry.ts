import { isBase64, isCutShort } from '../credentials/connection-string.js';
import type { ProofOfFile } from '../credentials/proof.js';
import { ServiceError } from './service-error.js';
import { deviceAuthentication } from './device-proof.js';
import { jsonBody, textIn, type Answer } from './exchange.js';
import { addressOf, askHttps, placeOf, type HttpsService } from './https-client.js';
import { serviceTrouble } from './service-trouble.js';

const apiVersion = '2021-04-12';

/** The module that is read, and the device that reads it. Holds a secret. */
export interface RegistryQuestion {
  /** The hub as it is signed. */
  readonly hostName: string;
  readonly deviceId: string;
  readonly moduleId: string;
  readonly proof: ProofOfFile;
}

/** The keys of a module, base64, the primary one first; one of them may be missing. Secrets. */
export type ModuleKeys = readonly [string, ...string[]];

/**
 * The registry of the hub, of which a device may read its own modules over HTTPS. The hub shares 100 such reads in a
 * minute and unit among all devices (S1), so nothing is read that is known.
 */
export class Registry {
  /** Hubs take a token for the device; where one does not, that for the whole hub, which the retired agents sent. */
  private takesBareHub = false;

  /** @param hubTimeMs milliseconds since the epoch, as the hub has it */
  constructor(private readonly hubTimeMs: () => number) {}

  /** @throws ServiceError */
  async readKeys(service: HttpsService, question: RegistryQuestion): Promise<ModuleKeys> {
    let answer = await this.ask(service, question, this.takesBareHub);
    if (answer.status === 401 && question.proof.kind === 'key') {
      const other = await this.ask(service, question, !this.takesBareHub);
      if (other.status !== 401) {
        this.takesBareHub = !this.takesBareHub;
        answer = other;
      }
    }
    return keysOf(answer, service, question);
  }

  private async ask(
    service: HttpsService,
    { deviceId, hostName, moduleId, proof }: RegistryQuestion,
    bareHub: boolean,
  ): Promise<Answer> {
    const resource = bareHub ? hostName : `${hostName}/devices/${deviceId}`;
    const nowMs = this.hubTimeMs();
    return askHttps(service, {
      attempt: attemptOf(moduleId),
      method: 'GET',
      path: `/devices/${encodeURIComponent(deviceId)}/modules/${encodeURIComponent(moduleId)}?api-version=${apiVersion}`,
      ...(await deviceAuthentication(proof, { resource, nowMs })),
    });
  }
}

const attemptOf = (moduleId: string): string => `read the module ${moduleId} from the registry`;

function keysOf(answer: Answer, service: HttpsService, question: RegistryQuestion): ModuleKeys {
  const subject = `Could not ${attemptOf(question.moduleId)} at ${placeOf(service)}`;
  switch (answer.status) {
    case 200:
      return keysIn(answer, subject, question);
    case 401:
    case 403:
      throw new ServiceError(
        'authorisation',
        `${subject}: ${refusal(answer, question)}.`,
        undefined,
        addressOf(service),
      );
    case 404:
      throw new ServiceError('authorisation', `${subject}: ${absence(answer, question)}.`);
    default:
      throw serviceTrouble(answer, subject, service.settings);
  }
}

function keysIn(answer: Answer, subject: string, question: RegistryQuestion): ModuleKeys {
  const { deviceId, moduleId } = question;
  const module = jsonBody(answer);
  if (textIn(module, 'moduleId') !== moduleId || textIn(module, 'deviceId') !== deviceId) {
    throw new ServiceError(
      'protocol',
      `${subject}: the answer is not the module; check identity.hostName and identity.restEndpoint [Authentication / Other].`,
    );
  }
  const authentication = module?.['authentication'];
  const symmetricKey = fieldOf(authentication, 'symmetricKey');
  const [primary, ...others] = ['primaryKey', 'secondaryKey']
    .map((name) => textIn(symmetricKey, name))
    .filter((key) => key !== undefined)
    .filter((key) => isBase64(key) && !isCutShort(key));
  if (primary !== undefined) return [primary, ...others.filter((key) => key !== primary)];
  throw new ServiceError(
    'authorisation',
    `${subject}: ${keyless(textIn(authentication, 'type'))} [Authentication / Other].`,
  );
}

function fieldOf(object: unknown, key: string): unknown {
  return typeof object === 'object' && object !== null ? Reflect.get(object, key) : undefined;
}

function keyless(type: string | undefined): string {
  switch (type) {
    case 'selfSigned':
    case 'certificateAuthority':
      return 'the module proves itself with a certificate, so that the hub has no key of it to give; name that certificate with identity.mode "module" and identity.certificateFile, or have the module use symmetric keys';
    case 'none':
      return 'the module has no way to prove itself (none); have it use symmetric keys';
    default:
      return 'the hub gave no key of the module; have the module use symmetric keys';
  }
}

/** What the hub calls the fault, from `ErrorCode:…;` in the body. */
function errorCode(answer: Answer): string {
  const text = textIn(jsonBody(answer), 'Message') ?? '';
  return /ErrorCode:([A-Za-z]{1,64})/.exec(text)?.[1] ?? '';
}

function refusal(answer: Answer, { deviceId, proof }: RegistryQuestion): string {
  if (/Disabled/.test(errorCode(answer))) {
    return `the device ${deviceId} is disabled in the hub; enable it [Authentication / Unauthorized]`;
  }
  const what =
    proof.kind === 'key'
      ? 'it refused the key of the device; check that identity.keyFile or identity.connectionStringFile holds the key of the device and not that of the module'
      : 'it refused the certificate of the device; check identity.certificateFile, and which thumbprint or authority the device has in the hub';
  return `${what}, that the device ${deviceId} is enabled, and the clock of the device [Authentication / Unauthorized]`;
}

function absence(answer: Answer, { deviceId, hostName, moduleId }: RegistryQuestion): string {
  const code = errorCode(answer);
  if (/^Module/.test(code)) {
    return `the device ${deviceId} has no module ${moduleId}; add a module identity of that name to it [Authentication / Not Found]`;
  }
  if (/^Device/.test(code)) {
    return `the hub ${hostName} has no device ${deviceId}; check identity.deviceId, or register the device [Authentication / Not Found]`;
  }
  return `the hub ${hostName} has no device ${deviceId}, or the device no module ${moduleId}; check identity.deviceId, and add the module identity [Authentication / Not Found]`;
}
