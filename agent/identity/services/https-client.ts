import { request } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect, rootCertificates, type TLSSocket } from 'node:tls';
import { plainReason } from '../../../base/errors.js';
import { withCode } from '../../../contract/error-code.js';
import { connectionFault } from './connection-fault.js';
import { AnswerFault, exchange, type Answer } from './exchange.js';
import { openTunnel, type Proxy } from './proxy-tunnel.js';
import { ServiceError, type HubAddress } from './service-error.js';

/** A service that is spoken to over HTTPS, and how. */
export interface HttpsService {
  readonly host: string;
  readonly port: number;
  /** The settings that name the host, as they continue "check …". */
  readonly settings: string;
  readonly timeoutMs: number;
  /** Trusted beside the certificates that Node brings, PEM. */
  readonly trustedCaPem?: string | undefined;
  readonly proxy?: Proxy | undefined;
}

/** What a client shows of itself in TLS. Holds a secret. */
export interface ClientCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** One request. Headers and body may hold secrets. */
export interface HttpsRequest {
  /** What is attempted, as it continues "Could not …". */
  readonly attempt: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Parts that are percent-encoded already, and the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly certificate?: ClientCertificate | undefined;
}

/**
 * Asks once, on a connection of its own that is closed with the answer. The certificate of the server is checked whatever
 * the environment says.
 * @throws ServiceError when there is no answer; what its status means is the caller's affair
 */
export async function askHttps(service: HttpsService, asked: HttpsRequest): Promise<Answer> {
  const { host, port, proxy, timeoutMs } = service;
  const signal = AbortSignal.timeout(timeoutMs);
  const tunnel = proxy && (await openTunnel(proxy, { host, port }, signal));
  try {
    return await exchange(
      request({
        host,
        port,
        method: asked.method,
        path: asked.path,
        headers: { ...asked.headers, ...lengthOf(asked.body) },
        signal,
        createConnection: () => open(service, asked.certificate, tunnel),
      }),
      asked.body,
    );
  } catch (error) {
    tunnel?.destroy();
    // What the deadline cut off looks like a broken connection where the answer had begun.
    throw failure(signal.aborted ? signal.reason : error, service, asked.attempt);
  }
}

function open(
  { host, port, trustedCaPem }: HttpsService,
  certificate: ClientCertificate | undefined,
  tunnel: Socket | undefined,
): TLSSocket {
  return connect({
    host,
    port,
    // RFC 6066 §3: an address is no name of a server.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tunnel === undefined ? {} : { socket: tunnel }),
    ...(trustedCaPem === undefined ? {} : { ca: [trustedCaPem, ...rootCertificates] }),
    ...(certificate === undefined
      ? {}
      : { cert: certificate.certificatePem, key: certificate.privateKeyPem }),
    rejectUnauthorized: true,
  });
}

function lengthOf(body: string | undefined): Record<string, string> {
  return body === undefined
    ? {}
    : {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      };
}

function failure(error: unknown, service: HttpsService, attempt: string): ServiceError {
  if (error instanceof ServiceError) return error;
  const subject = `Could not ${attempt} at ${placeOf(service)}`;
  if (error instanceof AnswerFault) {
    return new ServiceError(
      'protocol',
      `${subject}: it ${error.message} [Authentication / Other].`,
    );
  }
  if (isCertificateFault(error)) {
    return new ServiceError(
      'credentials',
      `${subject}: the certificate of the device and its private key cannot be used (${plainReason(error)}); check identity.certificateFile and identity.privateKeyFile [Authentication / File Format].`,
    );
  }
  const { kind, reason } = connectionFault(error, service);
  return new ServiceError(kind, `${subject}: ${withCode(reason, 'Authentication / Other')}.`);
}

/** OpenSSL could not read them, or they do not belong together. */
function isCertificateFault(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^ERR_OSSL_(?:PEM|X509|ASN1|EVP|UNSUPPORTED)/.test(code);
}

/** As sentences name it: the port only where it is not that of HTTPS. */
export function placeOf({ host, port }: Pick<HttpsService, 'host' | 'port'>): string {
  return port === 443 ? host : `${host}:${port}`;
}

/** Where to ask for the time of a service that refused a token. */
export function addressOf({ trustedCaPem, ...place }: HttpsService): HubAddress {
  const hostName = placeOf(place);
  return trustedCaPem === undefined ? { hostName } : { hostName, trustedCaPem };
}
