import { request } from 'node:https';
import { isIP } from 'node:net';
import { connect, rootCertificates } from 'node:tls';
import { openTunnel, type Proxy } from '../identity/services/proxy-tunnel.js';

interface HttpsEndpoint {
  readonly host: string;
  readonly port: number;
  /** Trusted beside the certificates that Node brings. */
  readonly trustedCaPem?: string | undefined;
  readonly proxy?: Proxy | undefined;
}

/**
 * The time of a server: the `Date` of an HTTPS answer whose certificate is checked as any other (RFC 9110, 6.6.1).
 * Milliseconds since the epoch, from the middle of the second that it names; undefined where it names none. Rejects when
 * there is no answer.
 */
export async function readHubDate(
  { host, port, proxy, trustedCaPem }: HttpsEndpoint,
  signal: AbortSignal,
): Promise<number | undefined> {
  const security = {
    // Whatever the environment says.
    rejectUnauthorized: true,
    ...(trustedCaPem === undefined ? {} : { ca: [trustedCaPem, ...rootCertificates] }),
  };
  const tunnel = proxy && (await openTunnel(proxy, { host, port }, signal));
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const throughTunnel =
    tunnel === undefined
      ? {}
      : { createConnection: () => connect({ ...security, ...servername, host, socket: tunnel }) };
  const asking = new Promise<number | undefined>((resolve, reject) => {
    const asked = request(
      {
        ...{ host, port, method: 'HEAD', path: '/', agent: false, signal },
        ...security,
        ...throughTunnel,
      },
      (answer) => {
        const dateMs = Date.parse(answer.headers.date ?? '');
        answer.destroy();
        resolve(Number.isNaN(dateMs) ? undefined : dateMs + 500);
      },
    );
    asked.once('error', reject);
    asked.end();
  });
  return asking.finally(() => tunnel?.destroy());
}
