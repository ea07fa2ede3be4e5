import { rootCertificates } from 'node:tls';
import common from 'azure-iot-common';
import device from 'azure-iot-device';
import type { ModuleClient } from 'azure-iot-device';
import deviceMqtt from 'azure-iot-device-mqtt';
import { reasonOf } from '../../base/errors.js';
import type { JsonObject } from '../../base/json.js';
import type { ModuleCredentials } from '../identity/credentials/credentials.js';
import type { Proxy } from '../identity/services/proxy-tunnel.js';
import { timeText } from '../time/clock-watch.js';
import { asHubError, classifyFailure, dropped, HubError, type Endpoint } from './failure.js';
import type { HubClient, HubClientEvents, TwinDocument } from './hub-client.js';
import type { OutgoingMessage } from './message.js';
import { takeWay } from './mqtt-way.js';
import { describeProof } from './proof-description.js';
import { certificateProvider, connectionString } from './sdk-authentication.js';
import {
  cut,
  renewDaily,
  signWithTimeOfHub,
  tokenMarginSeconds,
  type Signer,
  type Transport,
} from './sdk-inside.js';
import { toMessage } from './sdk-message.js';
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
  readonly transport: 'mqtt' | 'mqtt-websocket';
  /** Asked before each connect. @throws CredentialError */
  readonly proxy: () => Promise<Proxy | undefined>;
  /** Longest wait for the proxy. */
  readonly requestTimeoutMs: number;
}

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
  /** Why the proxy gave no tunnel; the SDK puts an error of its own in its place. */
  private noTunnel: unknown;
  private ended = false;

  constructor(
    private readonly credentials: ModuleCredentials,
    private readonly options: SdkClientOptions,
    private readonly events: HubClientEvents,
  ) {}

  async open(): Promise<void> {
    await this.attempt('connect to the IoT Hub', async () => {
      const proxy = await this.readProxy();
      const client = this.create();
      this.takeWay(proxy);
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

  private async readProxy(): Promise<Proxy | undefined> {
    try {
      return await this.options.proxy();
    } catch (error) {
      throw new HubError('credentials', reasonOf(error));
    }
  }

  private takeWay(proxy: Proxy | undefined): void {
    const { requestTimeoutMs, transport } = this.options;
    takeWay(this.transport, {
      transport,
      proxy,
      timeoutMs: requestTimeoutMs,
      onNoTunnel: (error) => (this.noTunnel = error),
    });
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
      transport: this.options.transport,
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
      if (this.noTunnel !== undefined) throw asHubError(this.noTunnel);
      throw classifyFailure(error, action, this.endpoint());
    }
  }
}

/** Makes clients of the Azure SDK over MQTT, one for each connection; each throws only `HubError`. */
export function createSdkClient(
  options: SdkClientOptions,
): (credentials: ModuleCredentials, events: HubClientEvents) => HubClient {
  return (credentials, events) => new SdkClient(credentials, options, events);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notOpen(): HubError {
  return new HubError('network', 'The connection to the hub is not open.');
}
