import { X509Certificate } from 'node:crypto';
import { ServiceError } from './service-error.js';
import { jsonBody, textIn } from './exchange.js';
import { askLocal, subjectOf, type LocalService } from './local-service.js';
import { serviceTrouble } from './service-trouble.js';

const oldestApiVersion = '2018-06-28';

/** A container of IoT Edge, as the variables that Edge gives it say. */
export interface EdgeContainer {
  readonly service: LocalService;
  readonly apiVersion: string;
  readonly hostName: string;
  readonly gatewayHostName: string | undefined;
  readonly deviceId: string;
  readonly moduleId: string;
  readonly generationId: string;
}

const missing = 'the agent is not in a container of IoT Edge, or Edge has not finished it';

/**
 * Reads the variables `IOTEDGE_…`.
 * @returns undefined outside such a container; a sentence where they are not whole
 */
export function edgeContainer(
  environment: NodeJS.ProcessEnv,
  timeoutMs: number,
): EdgeContainer | { readonly fault: string } | undefined {
  const of = (name: string): string => environment[`IOTEDGE_${name}`] ?? '';
  if (of('WORKLOADURI') === '') return undefined;
  const at = placeIn(of('WORKLOADURI'));
  if (at === undefined) return { fault: 'IOTEDGE_WORKLOADURI is neither unix:// nor http://' };
  for (const name of ['IOTHUBHOSTNAME', 'DEVICEID', 'MODULEID', 'MODULEGENERATIONID']) {
    if (of(name) === '') return { fault: `IOTEDGE_${name} is missing: ${missing}` };
  }
  const service = {
    at,
    timeoutMs,
    absent: 'there is no such socket; have IoT Edge mount it into the container',
    deaf: 'nobody listens there; restart IoT Edge on the host: iotedge system restart',
    forbidden: `user ${process.geteuid?.() ?? '?'} of the container may not use that socket; run the container as the user that owns it [Authentication / File Permissions]`,
  };
  return {
    service,
    apiVersion: /^\d{4}-\d\d-\d\d$/.test(of('APIVERSION')) ? of('APIVERSION') : oldestApiVersion,
    hostName: of('IOTHUBHOSTNAME'),
    gatewayHostName: of('GATEWAYHOSTNAME') || undefined,
    deviceId: of('DEVICEID'),
    moduleId: of('MODULEID'),
    generationId: of('MODULEGENERATIONID'),
  };
}

function placeIn(text: string): LocalService['at'] | undefined {
  if (!URL.canParse(text)) return undefined;
  const { hostname, pathname, port, protocol } = new URL(text);
  if (protocol === 'unix:' && pathname.length > 1) return { socketPath: decodeURI(pathname) };
  if (protocol === 'http:') return { host: hostname, port: Number(port || 80) };
  return undefined;
}

/**
 * Has the workload API sign with the primary key of the module, with HMAC-SHA256.
 * @returns base64
 * @throws ServiceError
 */
export async function signInContainer(container: EdgeContainer, text: string): Promise<string> {
  const { apiVersion, generationId, moduleId, service } = container;
  const attempt = 'have a token signed';
  const path = `/modules/${encodeURIComponent(moduleId)}/genid/${encodeURIComponent(generationId)}/sign?api-version=${apiVersion}`;
  const answer = await askLocal(service, attempt, 'POST', path, {
    keyId: 'primary',
    algo: 'HMACSHA256',
    data: Buffer.from(text).toString('base64'),
  });
  const subject = subjectOf(service, attempt);
  if (answer.status === 401 || answer.status === 403 || answer.status === 404) {
    throw new ServiceError(
      'authorisation',
      `${subject}: IoT Edge does not sign for ${moduleId} in this container (${answer.status}); have the deployment start the container under that name [Authentication / Unauthorized].`,
    );
  }
  if (answer.status !== 200) throw serviceTrouble(answer, subject, 'IOTEDGE_WORKLOADURI');
  const digest = textIn(jsonBody(answer), 'digest', 256);
  if (digest !== undefined) return digest;
  throw new ServiceError('protocol', `${subject}: the answer holds no signature.`);
}

/**
 * Reads the certificates that lead to the one of the gateway, PEM.
 * @throws ServiceError
 */
export async function readTrustBundle({ apiVersion, service }: EdgeContainer): Promise<string> {
  const attempt = 'read the trusted certificates of IoT Edge';
  const answer = await askLocal(service, attempt, 'GET', `/trust-bundle?api-version=${apiVersion}`);
  const subject = subjectOf(service, attempt);
  if (answer.status !== 200) throw serviceTrouble(answer, subject, 'IOTEDGE_WORKLOADURI');
  const pem = textIn(jsonBody(answer), 'certificate', 200_000) ?? '';
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length > 0 && blocks.every(isCertificate)) return `${blocks.join('\n')}\n`;
  throw new ServiceError('protocol', `${subject}: the answer holds no certificate.`);
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
