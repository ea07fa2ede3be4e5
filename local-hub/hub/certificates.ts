import 'reflect-metadata';
import { createHash, createPrivateKey, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/*
 * Certificates of every kind that takes part: of the hub, of devices and modules, and of the authorities above them.
 */

/** From when to when a certificate holds. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A certificate with its key, all PEM. */
export interface IssuedCertificate {
  /** The certificate itself, then the authorities below the one that has to be known, lowest first. */
  readonly certificatePem: string;
  /** PKCS#8, not encrypted. */
  readonly privateKeyPem: string;
  /** Upper-case hexadecimal, as a hub is told of it. */
  readonly sha1Thumbprint: string;
  readonly sha256Thumbprint: string;
  readonly validToMs: number;
}

export type KeyKind = 'ec' | 'rsa';

/** What a client's certificate says. */
export interface CertificateRequest {
  /** `device` or `device/module`. */
  readonly commonName: string;
  /** From yesterday for a year when absent. */
  readonly validity?: Validity;
  readonly keyKind?: KeyKind;
}

const dayMs = 86_400_000;

/** From a day ago, so that a device whose clock is behind can still connect, until so many days from now. */
export function lifetime(days: number, nowMs = Date.now()): Validity {
  return { notBefore: new Date(nowMs - dayMs), notAfter: new Date(nowMs + days * dayMs) };
}

const algorithms = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    publicExponent: Uint8Array.of(1, 0, 1),
    modulusLength: 2048,
  },
} as const;

/** What authorities sign with. */
const signingAlgorithm = algorithms.ec;

function newKeys(kind: KeyKind): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithms[kind], true, ['sign', 'verify']);
}

function pem(label: string, bytes: ArrayBuffer): string {
  const lines = Buffer.from(bytes)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** A name of one part; the text is not read as anything else, whatever characters it has. */
const nameOf = (commonName: string): x509.Name =>
  new x509.Name([{ CN: [{ utf8String: commonName }] }]);

async function issued(
  certificate: x509.X509Certificate,
  key: webcrypto.CryptoKey,
  chainPem: string,
): Promise<IssuedCertificate> {
  const bytes = Buffer.from(certificate.rawData);
  const thumbprint = (digest: string): string =>
    createHash(digest).update(bytes).digest('hex').toUpperCase();
  return {
    certificatePem: `${certificate.toString('pem')}\n${chainPem}`,
    privateKeyPem: pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', key)),
    sha1Thumbprint: thumbprint('sha1'),
    sha256Thumbprint: thumbprint('sha256'),
    validToMs: certificate.notAfter.getTime(),
  };
}

function clientExtensions(): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(false),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
  ];
}

/** A certificate that nobody but its own key vouches for: a hub knows it by its thumbprint. */
export async function selfSigned({
  commonName,
  validity = lifetime(365),
  keyKind = 'ec',
}: CertificateRequest): Promise<IssuedCertificate> {
  const keys = await newKeys(keyKind);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: nameOf(commonName),
    keys,
    signingAlgorithm: algorithms[keyKind],
    ...validity,
    extensions: clientExtensions(),
  });
  return issued(certificate, keys.privateKey, '');
}

/** A key that an operator keeps under a password: PKCS#8 in PEM, AES-256. */
export function encryptKey(privateKeyPem: string, passphrase: string): string {
  const key = createPrivateKey(privateKeyPem);
  return key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();
}

/** Whoever signs certificates. */
export class Authority {
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;
  /** The authorities from this one up to the highest but that one, PEM: what its certificates are shown with. */
  readonly #chainPem: string;

  private constructor(
    certificate: x509.X509Certificate,
    key: webcrypto.CryptoKey,
    chainPem: string,
  ) {
    this.#certificate = certificate;
    this.#key = key;
    this.#chainPem = chainPem;
  }

  /** The highest of its kind; valid for ten years. */
  static async create(commonName: string, validity = lifetime(3650)): Promise<Authority> {
    const keys = await newKeys('ec');
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: nameOf(commonName),
      keys,
      signingAlgorithm,
      ...validity,
      extensions: await authorityExtensions(keys.publicKey),
    });
    return new Authority(certificate, keys.privateKey, '');
  }

  /** The one whose certificate and PKCS#8 key, PEM, were kept. Rejects on what is neither. */
  static async open(certificatePem: string, privateKeyPem: string): Promise<Authority> {
    const certificate = new x509.X509Certificate(certificatePem);
    const pkcs8 = x509.PemConverter.decodeFirst(privateKeyPem);
    const uses: webcrypto.KeyUsage[] = ['sign'];
    const key = await webcrypto.subtle.importKey('pkcs8', pkcs8, signingAlgorithm, true, uses);
    return new Authority(certificate, key, '');
  }

  /** Its own certificate, PEM: what whoever trusts it has to know. */
  get certificatePem(): string {
    return `${this.#certificate.toString('pem')}\n`;
  }

  async privateKeyPem(): Promise<string> {
    return pem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', this.#key));
  }

  /** An authority below this one. */
  async createIntermediate(commonName: string, validity = lifetime(1825)): Promise<Authority> {
    const keys = await newKeys('ec');
    const certificate = await this.#sign(keys.publicKey, nameOf(commonName), validity, [
      ...(await authorityExtensions(keys.publicKey)),
    ]);
    const chainPem = `${certificate.toString('pem')}\n${this.#chainPem}`;
    return new Authority(certificate, keys.privateKey, chainPem);
  }

  /** The certificate of a device or module. */
  async issue({
    commonName,
    validity = lifetime(365),
    keyKind = 'ec',
  }: CertificateRequest): Promise<IssuedCertificate> {
    const keys = await newKeys(keyKind);
    const name = nameOf(commonName);
    const certificate = await this.#sign(keys.publicKey, name, validity, clientExtensions());
    return issued(certificate, keys.privateKey, this.#chainPem);
  }

  /** The certificate of a server that is reached under these names and addresses, the first of which is its own. */
  async issueServer(names: x509.JsonGeneralNames, validity: Validity): Promise<IssuedCertificate> {
    const keys = await newKeys('ec');
    const name = nameOf(names[0]?.value ?? '');
    const certificate = await this.#sign(keys.publicKey, name, validity, [
      new x509.BasicConstraintsExtension(false),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names),
    ]);
    return issued(certificate, keys.privateKey, this.#chainPem);
  }

  async #sign(
    publicKey: webcrypto.CryptoKey,
    subject: x509.Name,
    validity: Validity,
    extensions: x509.Extension[],
  ): Promise<x509.X509Certificate> {
    return x509.X509CertificateGenerator.create({
      subject,
      issuer: this.#certificate.subjectName,
      publicKey,
      signingKey: this.#key,
      signingAlgorithm,
      ...validity,
      extensions: [
        ...extensions,
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate),
      ],
    });
  }
}

async function authorityExtensions(publicKey: webcrypto.CryptoKey): Promise<x509.Extension[]> {
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
  ];
}
