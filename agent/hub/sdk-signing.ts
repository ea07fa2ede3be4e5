import device from 'azure-iot-device';
import { reasonOf } from '../../base/errors.js';
import type { ModuleCredentials } from '../identity/credentials/credentials.js';
import { signedToken } from '../identity/services/sas-token.js';

type Callback = (error: Error, signature?: string) => void;

/**
 * What the SDK takes its tokens from where somebody else holds the key: the services of IoT Edge sign. Everything else,
 * the renewal above all, is the SDK's own.
 */
export class SigningProvider extends device.SharedAccessKeyAuthenticationProvider {
  /** Why the last token was not signed; the SDK puts an error of its own in its place. */
  failure: unknown;

  /** @param sign base64 of the HMAC-SHA256 of a text */
  constructor(
    { hostName, gatewayHostName, deviceId, moduleId }: ModuleCredentials,
    private readonly sign: (text: string) => Promise<string>,
  ) {
    super({
      host: hostName,
      deviceId,
      moduleId,
      ...(gatewayHostName === undefined ? {} : { gatewayHostName }),
    });
  }

  /** @param resource percent-encoded @param expiry seconds since the epoch */
  protected override _sign(resource: string, expiry: number, callback: Callback): void {
    this.failure = undefined;
    // The SDK tells an error by its being there.
    const done = callback as (error: Error | null, signature?: string) => void;
    this.sign(`${resource}\n${expiry}`).then(
      (signature) => done(null, signedToken({ encoded: resource, expiry }, signature)),
      (error: unknown) => {
        this.failure = error;
        done(error instanceof Error ? error : new Error(reasonOf(error)));
      },
    );
  }
}
