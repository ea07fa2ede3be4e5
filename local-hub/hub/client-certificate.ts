import type { Duplex } from 'node:stream';
import { TLSSocket, type DetailedPeerCertificate } from 'node:tls';
import { clientIdOf, type Identity } from './identities.js';

/** The certificate that a client showed in the TLS handshake, and whose key it has proved to have. */
export interface ClientCertificate {
  readonly commonName: string;
  /** SHA-1 and SHA-256, upper-case hexadecimal. */
  readonly thumbprints: readonly string[];
  /** SHA-256 of those above it, lowest first, as far as they are known; upper-case hexadecimal. */
  readonly issuers: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Why no authority that the hub knows vouches for it; undefined when one does. */
  readonly chainFault: string | undefined;
}

/** Undefined when the client showed none, and without TLS. */
export function certificateOf(socket: Duplex): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  // Asked for as an X509Certificate, Node would take the chain out of the connection.
  const certificate: Partial<DetailedPeerCertificate> = socket.getPeerCertificate(true);
  const { subject, fingerprint = '', fingerprint256 = '', valid_from, valid_to } = certificate;
  if (subject === undefined) return undefined;
  const commonName: unknown = subject.CN;
  return {
    // Of several common names the service takes none.
    commonName: typeof commonName === 'string' ? commonName : '',
    thumbprints: [fingerprint, fingerprint256].map(plain),
    issuers: issuersOf(certificate),
    notBeforeMs: Date.parse(valid_from ?? ''),
    notAfterMs: Date.parse(valid_to ?? ''),
    chainFault: socket.authorized ? undefined : String(socket.authorizationError),
  };
}

const plain = (fingerprint: string): string => fingerprint.replaceAll(':', '');

function issuersOf(certificate: Partial<DetailedPeerCertificate>): readonly string[] {
  const found: string[] = [];
  let below = certificate;
  // The highest is its own issuer.
  while (found.length < 10) {
    const { issuerCertificate: above } = below;
    if (above === undefined || above === below) break;
    found.push(plain(above.fingerprint256));
    below = above;
  }
  return found;
}

/** Why the certificate does not prove that its holder is `identity`; undefined when it does. */
export function certificateFault(
  certificate: ClientCertificate,
  identity: Identity,
  nowMs: number,
): string | undefined {
  const { authentication } = identity;
  if (authentication.type === 'sas') return 'it is registered with keys, not with a certificate';
  if (nowMs < certificate.notBeforeMs || nowMs > certificate.notAfterMs) {
    const [from, to] = [certificate.notBeforeMs, certificate.notAfterMs].map((ms) =>
      new Date(ms).toISOString(),
    );
    return `its certificate holds from ${from} to ${to}`;
  }
  if (authentication.type === 'selfSigned') {
    const { primaryThumbprint, secondaryThumbprint } = authentication;
    const known = [primaryThumbprint, secondaryThumbprint].map((text) => text.toUpperCase());
    if (certificate.thumbprints.some((thumbprint) => known.includes(thumbprint))) return undefined;
    return 'its certificate has neither the primary nor the secondary thumbprint';
  }
  const wanted = clientIdOf(identity);
  if (certificate.commonName !== wanted) {
    return `its certificate is made out to '${certificate.commonName}', not to '${wanted}'`;
  }
  if (certificate.chainFault === undefined) return undefined;
  return `no registered authority vouches for its certificate (${certificate.chainFault})`;
}
