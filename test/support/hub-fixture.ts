import { readFileSync } from 'node:fs';
import { NoRetry } from 'azure-iot-common';
import { Message, ModuleClient, type Twin } from 'azure-iot-device';
import { Mqtt } from 'azure-iot-device-mqtt';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';
import { LocalHub, type ModuleRegistration } from '../../local-hub/hub/local-hub.js';
import { sasToken } from './sas-token.js';
import { temporaryDirectory } from './temporary-directory.js';

export { Message, temporaryDirectory };

/** How long to look for what comes over a socket, on a machine that does other things too. */
export const patiently = { timeout: 10_000 };

export const minutesFromNow = (minutes: number): number =>
  Math.floor(Date.now() / 1000) + minutes * 60;

/** A hub that is stopped when the test ends. */
export async function startHub(stateDirectory = temporaryDirectory(), port = 0): Promise<LocalHub> {
  const hub = await LocalHub.start({ stateDirectory, port });
  onTestFinished(() => hub.stop());
  return hub;
}

/** The SDK's client, as the agent uses it. */
export async function sdkClient(hub: LocalHub, connectionString: string): Promise<ModuleClient> {
  const client = ModuleClient.fromConnectionString(connectionString, Mqtt);
  await client.setOptions({ ca: readFileSync(hub.caFile, 'utf8') });
  client.setRetryPolicy(new NoRetry());
  client.on('error', () => undefined);
  onTestFinished(() => {
    client.close(() => undefined);
  });
  return client;
}

export async function report(twin: Twin, patch: object): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const { reported } = twin.properties as unknown as {
      reported: { update(patch: object, done: (error: Error | null) => void): void };
    };
    reported.update(patch, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

export function connectOptions(
  hub: LocalHub,
  module: ModuleRegistration,
  overrides: IClientOptions = {},
): IClientOptions {
  const { deviceId, moduleId, hubName } = module;
  const resource = encodeURIComponent(`${hubName}/devices/${deviceId}/modules/${moduleId}`);
  return {
    host: 'localhost',
    port: hub.port,
    protocol: 'mqtts',
    ca: readFileSync(hub.caFile),
    clientId: `${deviceId}/${moduleId}`,
    username: `${hubName}/${deviceId}/${moduleId}/?api-version=2021-04-12`,
    password: sasToken(resource, module.primaryKey, minutesFromNow(5)),
    clean: false,
    reconnectPeriod: 0,
    ...overrides,
  };
}

/** A bare MQTT client, for what the SDK never sends. */
export class RawClient {
  readonly received: { topic: string; body: string }[] = [];
  readonly closed: Promise<void>;
  readonly #client: MqttClient;

  private constructor(client: MqttClient) {
    this.#client = client;
    this.closed = new Promise((resolve) => client.once('close', resolve));
    client.on('message', (topic, payload) =>
      this.received.push({ topic, body: payload.toString('utf8') }),
    );
  }

  /** Resolves with `sessionPresent`; rejects with an error whose `code` is that of CONNACK. */
  static async connect(
    options: IClientOptions,
  ): Promise<{ client: RawClient; sessionPresent: boolean }> {
    const client = connect(options);
    onTestFinished(() => {
      client.end(true);
    });
    return new Promise((resolve, reject) => {
      client.once('connect', ({ sessionPresent }) =>
        resolve({ client: new RawClient(client), sessionPresent }),
      );
      client.once('error', reject);
    });
  }

  /** Gives the granted quality of service of each; 128 is a refusal. */
  async subscribe(...filters: string[]): Promise<number[]> {
    return this.subscribeAt(0, ...filters);
  }

  async subscribeAt(qos: 0 | 1 | 2, ...filters: string[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      this.#client.subscribe(filters, { qos }, (error, granted) => {
        // The client library takes a refusal for an error or not, depending on how many were asked for.
        if (error as Error | null) reject(error);
        else resolve(granted.map((subscription) => subscription.qos));
      });
    });
  }

  /** Resolves at PUBACK; without one only when the connection ends. */
  async publish(topic: string, body: string | Buffer, qos: 0 | 1 | 2 = 1): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.publish(topic, body, { qos }, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Ends with a DISCONNECT. */
  async leave(): Promise<void> {
    return new Promise((resolve) => this.#client.end(false, {}, () => resolve()));
  }

  async end(): Promise<void> {
    return new Promise((resolve) => this.#client.end(true, {}, () => resolve()));
  }
}
