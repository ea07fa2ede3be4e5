import { X509Certificate } from 'node:crypto';
import type { FileState } from './host-files.js';
import type { SubjectReader } from './fact-reader.js';
import { found } from './reading.js';

/** A certificate that the device shows to others, or a key beside it. */
export interface KeyFile {
  readonly path: string;
  /** When its first certificate expires, milliseconds since the epoch; absent where it holds none. */
  readonly expiresMs?: number;
  /** Its owner and mode, where it is a private key by its name. */
  readonly key?: FileState;
}

export interface Certificates {
  readonly files: readonly KeyFile[];
  /** Time of the device, milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Where servers and clients are told to keep theirs. Those of authorities (/etc/ssl/certs) are not the device's own. */
const places = [
  '/etc/ssl',
  '/etc/ssl/private',
  '/etc/pki/tls/certs',
  '/etc/pki/tls/private',
  '/etc/nginx',
  '/etc/nginx/ssl',
  '/etc/nginx/certs',
  '/etc/apache2/ssl',
  '/etc/lighttpd',
  '/etc/mosquitto/certs',
  '/etc/mosquitto/ca_certificates',
  '/etc/openvpn',
  '/etc/openvpn/client',
  '/etc/openvpn/server',
  '/etc/ipsec.d/certs',
  '/etc/ipsec.d/private',
  '/etc/swanctl/x509',
  '/etc/swanctl/private',
  '/etc/stunnel',
  '/etc/wpa_supplicant',
  '/etc/docker',
  '/etc/aziot',
  '/var/lib/aziot/certd/certs',
];
const mostFiles = 128;
const longestFileBytes = 65_536;

/** When the first certificate of a PEM text expires, milliseconds since the epoch; undefined where it has none. */
export function expiryOf(text: string): number | undefined {
  const [pem] =
    /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/.exec(text) ?? [];
  if (pem === undefined) return undefined;
  try {
    const ms = Date.parse(new X509Certificate(pem).validTo);
    return Number.isNaN(ms) ? undefined : ms;
  } catch {
    return undefined;
  }
}

export const readCertificates: SubjectReader<Certificates> = async ({ files, host, limit }) => {
  const nowMs = host.clock.wallMs();
  const paths: string[] = [];
  const domains = await files.names('/etc/letsencrypt/live');
  const live =
    'value' in domains ? domains.value.map((name) => `/etc/letsencrypt/live/${name}`) : [];
  for (const place of [...places, ...live]) {
    const names = await files.names(place);
    if ('unreadable' in names) limit(`Certificates: ${names.unreadable}.`);
    for (const name of 'value' in names ? names.value : [])
      if (/\.(pem|crt|cer|key)$/.test(name)) paths.push(`${place}/${name}`);
  }
  if (paths.length > mostFiles)
    limit(`Of ${paths.length} files of certificates ${mostFiles} were read.`);
  const read: KeyFile[] = [];
  for (const path of paths.slice(0, mostFiles)) {
    if (/\.key$|privkey/.test(path)) {
      const state = await files.state(path);
      if ('unreadable' in state) limit(`Certificates: ${state.unreadable}.`);
      else if ('value' in state) read.push({ path, key: state.value });
      continue;
    }
    const text = await files.text(path, longestFileBytes);
    if ('unreadable' in text) limit(`Certificates: ${text.unreadable}.`);
    const expiresMs = 'value' in text ? expiryOf(text.value) : undefined;
    if (expiresMs !== undefined) read.push({ path, expiresMs });
  }
  return found({ files: read, nowMs });
};
