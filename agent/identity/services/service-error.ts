/**
 * What went wrong while a service was asked who the module is; each is also a kind of failure of the link to the hub, which
 * reacts to it in the same way.
 */
export type ServiceErrorKind =
  | 'network'
  | 'tls'
  | 'authorisation'
  | 'credentials'
  | 'unavailable'
  | 'throttled'
  | 'timeout'
  | 'protocol';

/** Where the time of a hub, or of a service beside it, can be had. */
export interface HubAddress {
  readonly hostName: string;
  /** Asked instead; may end in `:port`. */
  readonly gatewayHostName?: string;
  /** PEM certificates that are trusted in addition to the public ones. */
  readonly trustedCaPem?: string;
}

/**
 * The registry of the hub, the provisioning service, a service of IoT Edge or a proxy did not give what was asked. The
 * message is one sentence for the operator: it holds nothing of a body that was sent or received, and no secret.
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';

  constructor(
    readonly kind: ServiceErrorKind,
    message: string,
    /** How long the service wants to be left alone; undefined where it said nothing. */
    readonly retryAfterMs?: number,
    /** Who refused a token, so that the clock of the device can be compared with theirs. */
    readonly asked?: HubAddress,
  ) {
    super(message);
  }
}
