import type deviceMqtt from 'azure-iot-device-mqtt';
import { renewalPeriodMs } from '../fleet/fleet-moments.js';

/*
 * What is private in the SDK and has no public way; each says what follows where a version has moved it.
 */

export type Transport = InstanceType<typeof deviceMqtt.Mqtt>;

/** From a renewal to the end of the old token: time to try again, and for clocks that differ. */
export const tokenMarginSeconds = 60 * 60;

/** The part of the SDK's token provider that its own sub-classes replace; `expiry` in seconds since the epoch. */
export interface Signer {
  _sign(
    resource: string,
    expiry: number,
    callback: (error?: Error | null, token?: string) => void,
  ): void;
}

/** The SDK takes the time of the device. */
export function signWithTimeOfHub(provider: Signer, clockCorrectionMs: () => number): void {
  const sign = provider._sign.bind(provider);
  provider._sign = (resource, expiry, callback) =>
    sign(resource, expiry + Math.round(clockCorrectionMs() / 1000), callback);
}

/**
 * Cuts the socket under the SDK, whose own close waits for outstanding acknowledgements and may wait for ever. The
 * path to mqtt.js is private there: where it is not found the socket is left to the keep-alive.
 */
export function cut(transport: Transport | undefined): void {
  const inner = transport as unknown as { _mqtt?: { _mqttClient?: { end?: unknown } } } | undefined;
  const mqttClient = inner?._mqtt?._mqttClient;
  if (typeof mqttClient?.end === 'function') (mqttClient.end as (force: boolean) => void)(true);
}

/**
 * The provider renews at equal intervals. The first one ends at the moment of the device; from there on it is a day. The
 * public way to set that would renew at once; where the private one is not found, the first interval is repeated.
 */
export function renewDaily(transport: Transport | undefined): void {
  const provider = transport as unknown as
    { _authenticationProvider?: { _tokenValidTimeInSeconds?: number } } | undefined;
  const inner = provider?._authenticationProvider;
  if (typeof inner?._tokenValidTimeInSeconds === 'number') {
    inner._tokenValidTimeInSeconds = renewalPeriodMs / 1000 + tokenMarginSeconds;
  }
}
