import { isIP } from 'node:net';
import {
  connect as connectTls,
  rootCertificates,
  type ConnectionOptions,
  type DetailedPeerCertificate,
} from 'node:tls';
import { printable } from '../../base/text.js';

/** What a server showed in a TLS handshake. */
export interface ServerCertificate {
  /** Who it says it is, and who says so: from the server to the root, as far as it was shown or is known. */
  readonly chain: readonly string[];
  /** Milliseconds since the epoch; undefined where it shows none. */
  readonly validToMs: number | undefined;
  /** Why it is not trusted, by the code of Node or of OpenSSL. */
  readonly fault?: string;
}

interface Server {
  readonly host: string;
  readonly port: number;
  readonly trustedCaPem?: string | undefined;
  /** An open connection to it, through a proxy. */
  readonly socket?: ConnectionOptions['socket'];
}

const longestChain = 8;
const longestName = 100;

/**
 * Makes a handshake as the agent does, and looks at the certificate also when it is not trusted; nothing is sent in that
 * connection. Rejects when there is no handshake.
 */
export function readServerCertificate(
  { host, port, socket, trustedCaPem }: Server,
  signal: AbortSignal,
): Promise<ServerCertificate> {
  const ca = [...rootCertificates, ...(trustedCaPem === undefined ? [] : [trustedCaPem])];
  return new Promise((resolve, reject) => {
    const connection = connectTls({
      ...(socket === undefined ? { host, port } : { socket, host }),
      ca,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    signal.addEventListener('abort', () => connection.destroy());
    connection.once('error', reject);
    connection.once('secureConnect', () => {
      const certificate = connection.getPeerCertificate(true);
      // Declared as an Error; it is the code of one.
      const fault: unknown = connection.authorized ? undefined : connection.authorizationError;
      const validToMs = Date.parse(certificate.valid_to);
      connection.destroy();
      resolve({
        chain: namesOf(certificate),
        validToMs: Number.isNaN(validToMs) ? undefined : validToMs,
        ...(fault === undefined ? {} : { fault: faultText(fault) }),
      });
    });
  });
}

function faultText(fault: unknown): string {
  return fault instanceof Error ? fault.message : String(fault);
}

/** Node gives an empty object for no certificate, and no issuer that it has not seen; its types have neither. */
type Shown = Partial<Omit<DetailedPeerCertificate, 'issuerCertificate'>> & {
  readonly issuerCertificate?: Shown;
};

function namesOf(leaf: Shown): readonly string[] {
  const names: string[] = [];
  let current: Shown = leaf;
  while (names.length < longestChain && current.subject !== undefined) {
    names.push(nameOf(current.subject));
    const next = current.issuerCertificate;
    if (next === undefined) {
      // Known by name only: it was not shown, and is none of those that are trusted.
      if (current.issuer !== undefined) names.push(nameOf(current.issuer));
      break;
    }
    // A root is its own issuer.
    if (next.fingerprint256 === current.fingerprint256) break;
    current = next;
  }
  return names;
}

/** Common name and organisation, of which either may be missing or, in certificates made up for it, given several times. */
function nameOf(name: DetailedPeerCertificate['subject']): string {
  const { CN, O } = name as Readonly<Record<string, unknown>>;
  const parts = [CN, O].flat().filter((part) => typeof part === 'string' && part !== '');
  return printable(parts.join(', '), longestName) || 'somebody without a name';
}
