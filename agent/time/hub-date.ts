import { request } from 'node:https';
import { rootCertificates } from 'node:tls';

interface HttpsEndpoint {
  readonly host: string;
  readonly port: number;
  /** Trusted beside the certificates that Node brings. */
  readonly trustedCaPem?: string | undefined;
}

/**
 * The time of a server: the `Date` of an HTTPS answer whose certificate is checked as any other (RFC 9110, 6.6.1).
 * Milliseconds since the epoch, from the middle of the second that it names; undefined where it names none. Rejects when
 * there is no answer.
 */
export function readHubDate(
  { host, port, trustedCaPem }: HttpsEndpoint,
  signal: AbortSignal,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        ...{ host, port, method: 'HEAD', path: '/', agent: false, signal },
        // Whatever the environment says.
        rejectUnauthorized: true,
        ...(trustedCaPem === undefined ? {} : { ca: [trustedCaPem, ...rootCertificates] }),
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
}
