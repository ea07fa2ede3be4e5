import { rootCertificates } from 'node:tls';
import common from 'azure-iot-common';
import device from 'azure-iot-device';
import type { ModuleClient } from 'azure-iot-device';
import deviceMqtt from 'azure-iot-device-mqtt';
import type { JsonObject } from '../../base/json.js';
import { renewalPeriodMs } from '../fleet/fleet-moments.js';
import type { CertificateProof, ModuleCredentials } from '../identity/credentials/credentials.js';
import { timeText } from '../time/clock-watch.js';
import { asHubError, classifyFailure, dropped, HubError, type Endpoint } from './failure.js';
import type { HubClient, HubClientEvents, TwinDocument } from './hub-client.js';
import {
  applicationProperties,
  contentEncoding,
  contentType,
  type OutgoingMessage,
} from './message.js';
import { describeProof } from './proof-description.js';
import { SigningProvider } from './sdk-signing.js';
import { guardTwinMessages } from './twin-guard.js';

/*
 * Invariants:
 * 1. One object is one life of a connection: with NoRetry the SDK neither reconnects, nor resends, nor reorders.
 * 2. After `close` or `abandon` no event is passed on, whatever the SDK still does.
 * 3. The changes of the desired properties are subscribed to before the twin is read, so that none falls between.
 * 4. Nothing that the hub sends throws inside an event handler of the SDK (see twin-guard.ts).
 */

interface SdkClientOptions {
  readonly keepAliveMs: number;
  /** Goes into the user agent that the hub sees. */
  readonly productInfo: string;
  /** From a connect to the first renewal of its token. */
  readonly untilRenewalMs: () => number;
  readonly wallMs: () => number;
  /** Add it to the wall clock to have the hub's time; tokens are signed with that. */
  readonly clockCorrectionMs: () => number;
}

/** From a renewal to the end of the old token: time to try again, and for clocks that differ. */
const tokenMarginSeconds = 60 * 60;

type Transport = InstanceType<typeof deviceMqtt.Mqtt>;

/** The SDK hands errors to callbacks, and to some of them nothing else. */
type Callback<T> = (error?: Error | null, result?: T) => void;

function promised<T>(call: (callback: Callback<T>) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    call((error, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}

/** A client of the device SDK over MQTT; `createSdkClient` is what `HubLink` is given. */
class SdkClient implements HubClient {
  private client: ModuleClient | undefined;
  private transport: Transport | undefined;
  private signing: SigningProvider | undefined;
  private ended = false;

  constructor(
    private readonly credentials: ModuleCredentials,
    private readonly options: SdkClientOptions,
    private readonly events: HubClientEvents,
  ) {}

  async open(): Promise<void> {
    await this.attempt('connect to the IoT Hub', async () => {
      const client = this.create();
      await client.setOptions(this.clientOptions());
      await client.open();
      renewDaily(this.transport);
    });
    await this.attempt('subscribe to the desired properties', async () => {
      await promised<never>((done) => this.live().enableTwinDesiredPropertiesUpdates(done));
    });
  }

  readTwin(): Promise<TwinDocument> {
    return this.attempt('read the module twin', async () => {
      const twin: unknown = await promised((done) => this.live().getTwin(done));
      if (!isObject(twin) || !isObject(twin['desired']) || !isObject(twin['reported'])) {
        throw new HubError(
          'protocol',
          'The hub answered with something that is not a module twin.',
        );
      }
      return { desired: twin['desired'], reported: twin['reported'] };
    });
  }

  async report(patch: JsonObject): Promise<void> {
    await this.attempt('update the reported properties', async () => {
      await promised<never>((done) => this.live().updateTwinReportedProperties(patch, done));
    });
  }

  async send(outgoing: OutgoingMessage): Promise<void> {
    await this.attempt('send a security message', async () => {
      const client = this.client;
      if (client === undefined || this.ended) throw notOpen();
      await client.sendEvent(toMessage(outgoing));
    });
  }

  async close(): Promise<void> {
    this.ended = true;
    await this.client?.close().catch(() => undefined);
  }

  abandon(): void {
    this.ended = true;
    cut(this.transport);
  }

  private create(): ModuleClient {
    const { events } = this;
    const { clockCorrectionMs } = this.options;
    const endpoint = this.endpoint();
    const capture = (transport: Transport): void => {
      this.transport = transport;
    };
    const tell = (what: () => void): void => {
      if (!this.ended) what();
    };
    class CapturedMqtt extends deviceMqtt.Mqtt {
      constructor(...parameters: ConstructorParameters<typeof deviceMqtt.Mqtt>) {
        super(...parameters);
        capture(this);
        if (this._authenticationProvider.type === common.AuthenticationType.X509) return;
        const provider = this._authenticationProvider as unknown as NodeJS.EventEmitter & Signer;
        signWithTimeOfHub(provider, clockCorrectionMs);
        provider.on('error', (error) => tell(() => events.disconnected(dropped(error, endpoint))));
        // The new token is used by a reconnect inside the SDK, during which notifications are lost.
        provider.on('newTokenAvailable', () => tell(() => events.renewed()));
      }
    }
    const client = this.clientOver(CapturedMqtt);
    this.client = client;
    client.setRetryPolicy(new common.NoRetry());
    client.on('error', (error: unknown) =>
      tell(() => events.disconnected(dropped(error, endpoint))),
    );
    client.on('disconnect', (result?: { transportObj?: unknown }) =>
      tell(() => events.disconnected(dropped(result?.transportObj, endpoint))),
    );
    this.transport?.on('twinDesiredPropertiesUpdate', (patch: unknown) => {
      tell(() => {
        if (isObject(patch)) events.desiredPatch(patch);
        else events.unusable('a change of the desired properties that is not a JSON object');
      });
    });
    guardTwinMessages(this.transport, (what) => tell(() => events.unusable(what)));
    return client;
  }

  private clientOver(transport: typeof deviceMqtt.Mqtt): ModuleClient {
    const { proof } = this.credentials;
    switch (proof.kind) {
      case 'key': {
        const text = connectionString(this.credentials, proof.sharedAccessKey);
        return device.ModuleClient.fromConnectionString(text, transport);
      }
      case 'certificate': {
        const provider = certificateProvider(this.credentials, proof);
        return device.ModuleClient.fromAuthenticationProvider(provider, transport);
      }
      case 'signer':
        this.signing = new SigningProvider(this.credentials, proof.sign);
        return device.ModuleClient.fromAuthenticationProvider(this.signing, transport);
    }
  }

  private clientOptions(): Record<string, unknown> {
    const { trustedCaPem } = this.credentials;
    return {
      keepalive: Math.max(1, Math.round(this.options.keepAliveMs / 1000)),
      // The SDK appends it to its own user agent as it is.
      productInfo: ` ${this.options.productInfo}`,
      ...(this.credentials.proof.kind === 'certificate' ? {} : this.renewalOptions()),
      // `ca` replaces the public roots, so they are handed over again.
      ...(trustedCaPem === undefined
        ? {}
        : { ca: [trustedCaPem.trim(), ...rootCertificates].join('\n') }),
    };
  }

  private renewalOptions(): Record<string, unknown> {
    return {
      tokenRenewal: {
        tokenValidTimeInSeconds:
          Math.ceil(this.options.untilRenewalMs() / 1000) + tokenMarginSeconds,
        tokenRenewalMarginInSeconds: tokenMarginSeconds,
      },
    };
  }

  private live(): Transport {
    if (this.transport === undefined || this.ended) throw notOpen();
    return this.transport;
  }

  private endpoint(): Endpoint {
    const { hostName, gatewayHostName, deviceId, moduleId } = this.credentials;
    return {
      dialled: gatewayHostName ?? hostName,
      identity: `${deviceId}/${moduleId}`,
      clock: timeText(this.options.wallMs()),
      proof: describeProof(this.credentials.proof),
    };
  }

  private async attempt<T>(action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.signing?.failure !== undefined) throw asHubError(this.signing.failure);
      throw classifyFailure(error, action, this.endpoint());
    }
  }
}

/** The part of the SDK's token provider that its own sub-classes replace; `expiry` in seconds since the epoch. */
interface Signer {
  _sign(resource: string, expiry: number, callback: Callback<string>): void;
}

/** The SDK takes the time of the device. */
function signWithTimeOfHub(provider: Signer, clockCorrectionMs: () => number): void {
  const sign = provider._sign.bind(provider);
  provider._sign = (resource, expiry, callback) =>
    sign(resource, expiry + Math.round(clockCorrectionMs() / 1000), callback);
}

/** Makes clients of the Azure SDK over MQTT, one for each connection; each throws only `HubError`. */
export function createSdkClient(
  options: SdkClientOptions,
): (credentials: ModuleCredentials, events: HubClientEvents) => HubClient {
  return (credentials, events) => new SdkClient(credentials, options, events);
}

/** There is no token with a certificate, and so none to renew. */
function certificateProvider(
  { hostName, gatewayHostName, deviceId, moduleId }: ModuleCredentials,
  { certificatePem, privateKeyPem }: CertificateProof,
): device.X509AuthenticationProvider {
  // Its public factory knows no modules.
  const Provider = device.X509AuthenticationProvider as unknown as new (
    credentials: object,
  ) => device.X509AuthenticationProvider;
  return new Provider({
    host: hostName,
    deviceId,
    moduleId,
    ...(gatewayHostName === undefined ? {} : { gatewayHostName }),
    x509: { cert: certificatePem, key: privateKeyPem },
  });
}

function connectionString(credentials: ModuleCredentials, sharedAccessKey: string): string {
  const { hostName, gatewayHostName, deviceId, moduleId } = credentials;
  const gateway = gatewayHostName === undefined ? '' : `;GatewayHostName=${gatewayHostName}`;
  return `HostName=${hostName};DeviceId=${deviceId};ModuleId=${moduleId};SharedAccessKey=${sharedAccessKey}${gateway}`;
}

function toMessage(outgoing: OutgoingMessage): InstanceType<typeof common.Message> {
  const message = new common.Message(outgoing.body);
  message.messageId = outgoing.messageId;
  message.contentType = contentType;
  message.contentEncoding = contentEncoding;
  if (outgoing.securityMarker) message.setAsSecurityMessage();
  for (const [name, value] of Object.entries(applicationProperties(outgoing))) {
    message.properties.add(name, value);
  }
  return message;
}

/**
 * Cuts the socket under the SDK, whose own close waits for outstanding acknowledgements and may wait for ever. The
 * path to mqtt.js is private there: where it is not found the socket is left to the keep-alive.
 */
function cut(transport: Transport | undefined): void {
  const inner = transport as unknown as { _mqtt?: { _mqttClient?: { end?: unknown } } } | undefined;
  const mqttClient = inner?._mqtt?._mqttClient;
  if (typeof mqttClient?.end === 'function') (mqttClient.end as (force: boolean) => void)(true);
}

/**
 * The provider renews at equal intervals. The first one ends at the moment of the device; from there on it is a day. The
 * public way to set that would renew at once; where the private one is not found, the first interval is repeated.
 */
function renewDaily(transport: Transport | undefined): void {
  const provider = transport as unknown as
    { _authenticationProvider?: { _tokenValidTimeInSeconds?: number } } | undefined;
  const inner = provider?._authenticationProvider;
  if (typeof inner?._tokenValidTimeInSeconds === 'number') {
    inner._tokenValidTimeInSeconds = renewalPeriodMs / 1000 + tokenMarginSeconds;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notOpen(): HubError {
  return new HubError('network', 'The connection to the hub is not open.');
}
