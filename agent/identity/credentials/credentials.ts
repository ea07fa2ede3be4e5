/** How the module proves itself to the hub. Holds a secret: never to be logged or put into an error. */
export type Proof =
  /** Base64. */
  | { readonly kind: 'key'; readonly sharedAccessKey: string }
  | CertificateProof
  /** @returns base64 of the HMAC-SHA256 of the text, which something else makes that holds the key */
  | { readonly kind: 'signer'; readonly sign: (text: string) => Promise<string> };

/** A certificate with its private key, as TLS takes them. */
export interface CertificateProof {
  readonly kind: 'certificate';
  /** PEM, the module's own first, then those that lead to its authority. */
  readonly certificatePem: string;
  /** PEM, not encrypted. */
  readonly privateKeyPem: string;
  readonly validToMs: number;
}

/** All that is needed to connect as the module. Holds a secret: never to be logged or put into an error. */
export interface ModuleCredentials {
  /** The hub as it is signed, and as it stands in the user name. */
  readonly hostName: string;
  /** Where to connect instead of `hostName`; may end in `:port`. */
  readonly gatewayHostName?: string;
  readonly deviceId: string;
  readonly moduleId: string;
  readonly proof: Proof;
  /** PEM certificates that are trusted in addition to the public ones. */
  readonly trustedCaPem?: string;
}

/** The module id that the message contract prescribes. */
export const standardModuleId = 'azureiotsecurity';

/** Where credentials come from; one for the life of the agent. */
export interface CredentialSource {
  /**
   * The credentials for the next attempt to connect: files are read anew, because keys are rolled and certificates
   * replaced.
   * @throws CredentialError for what is on the device, ServiceError for what a service answered
   */
  current(): Promise<ModuleCredentials>;
  /**
   * Checks what is on the device, and asks nobody.
   * @returns what tells this identity from all others, as far as that stands on the device
   * @throws CredentialError
   */
  check(): Promise<string | undefined>;
  /**
   * The hub refused these: the next key is to be tried, what is kept read anew, the hub looked up again.
   * @returns whether other ones are at hand already, so that no long pause is needed before they are tried
   */
  refused(credentials: ModuleCredentials): boolean;
  /** For long nobody has answered under the hub's name: it may be another one by now. */
  unreachable?(credentials: ModuleCredentials): void;
}
