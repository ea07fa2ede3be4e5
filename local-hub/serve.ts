import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { JsonObject } from '../base/json.js';
import { replaceFileSync } from '../base/replace-file.js';
import { takeFault, type FaultyParts } from './fault-commands.js';
import { LocalHub } from './hub/local-hub.js';
import { LiveView } from './live-view/live-view.js';
import { offers, type OfferName } from './offered-identity.js';
import { EdgeDevice } from './services/edge.js';
import { ProvisioningService } from './services/provisioning.js';
import { ConnectProxy } from './services/proxy.js';

export interface ServeOptions {
  readonly stateDirectory: string;
  /** 0 takes a free one; so with the others. */
  readonly port: number;
  readonly httpsPort: number;
  readonly dpsPort: number;
  /** No proxy when absent. */
  readonly proxyPort: number | undefined;
  /** `user:password`; everybody may use the proxy when absent. */
  readonly proxyCredentials: string | undefined;
  readonly deviceId: string;
  readonly identity: OfferName;
  readonly webSocket: boolean;
  /** Faults are taken from standard input. */
  readonly faults: boolean;
  readonly stop: AbortSignal;
  readonly show: (line: string) => void;
  /** Of the terminal; undefined where there is none. */
  readonly columns: () => number | undefined;
}

/** The services beside the hub that are there. */
interface Services {
  provisioning?: ProvisioningService;
  edge?: EdgeDevice;
  proxy?: ConnectProxy;
}

/** Runs the stand-in hub, and what the identity needs beside it, until it is told to stop. */
export async function serveHub(options: ServeOptions): Promise<void> {
  const { stateDirectory, port, httpsPort, stop } = options;
  const hub = await LocalHub.start({ stateDirectory, port, httpsPort });
  const services: Services = {};
  try {
    await offer(options, hub, services);
    showEvents(options, hub, services);
    if (options.faults) takeFaults(options, hub, services);
    await new Promise<void>((done) => stop.addEventListener('abort', () => done()));
  } finally {
    for (const service of Object.values(services) as { stop(): Promise<void> }[]) {
      await service.stop();
    }
    await hub.stop();
  }
}

/** Registers the device, starts what it needs, and says how an agent connects as its module. */
async function offer(options: ServeOptions, hub: LocalHub, services: Services): Promise<void> {
  const { stateDirectory, deviceId, webSocket, show } = options;
  const identity = await offers[options.identity]({
    hub,
    directory: stateDirectory,
    deviceId,
    gatewayHostName: `localhost:${webSocket ? hub.httpsPort : hub.port}`,
    provisioning: async () =>
      (services.provisioning ??= await ProvisioningService.start({
        tls: hub.tls,
        port: options.dpsPort,
      })),
    edge: async () => {
      const directory = join(stateDirectory, 'edge');
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      return (services.edge ??= await EdgeDevice.start({ directory, hub, deviceId }));
    },
  });
  const settings: JsonObject = {
    identity,
    trustedCaFile: hub.caFile,
    ...(webSocket && { transport: 'mqtt-websocket' }),
    ...(await proxySettings(options, services)),
  };
  const text = JSON.stringify(settings, undefined, 2);
  const file = join(stateDirectory, `${deviceId}.agent.json`);
  replaceFileSync(file, `${text}\n`, 0o600);
  show(`The stand-in hub ${hub.hubName} listens on localhost:${hub.port}.`);
  show(`HTTPS and WebSockets are on localhost:${hub.httpsPort}.`);
  show(`For the agent.json of ${deviceId}/azureiotsecurity, also in ${file}:`);
  for (const line of text.split('\n')) show(line);
}

async function proxySettings(options: ServeOptions, services: Services): Promise<JsonObject> {
  const { proxyPort, proxyCredentials, stateDirectory, deviceId } = options;
  if (proxyPort === undefined) return {};
  const [user = '', ...password] = (proxyCredentials ?? '').split(':');
  const proxy = await ConnectProxy.start({
    port: proxyPort,
    ...(proxyCredentials !== undefined && {
      credentials: { user, password: password.join(':') },
    }),
  });
  services.proxy = proxy;
  const address = `http://localhost:${proxy.port}`;
  if (proxyCredentials === undefined) return { proxy: address };
  const proxyCredentialsFile = join(stateDirectory, `${deviceId}.proxy-credentials`);
  replaceFileSync(proxyCredentialsFile, `${proxyCredentials}\n`, 0o600);
  return { proxy: address, proxyCredentialsFile };
}

/** Shows what happens from then on. */
function showEvents(options: ServeOptions, hub: LocalHub, services: Services): void {
  const { deviceId, show, columns } = options;
  const view = new LiveView({ columns });
  hub.onConnection((event) => view.connection(event).forEach(show));
  hub.onMessage((message) => view.message(message).forEach(show));
  hub.onTwinChange((change) => {
    if (change.deviceId !== deviceId || change.moduleId !== 'azureiotsecurity') return;
    view.twin(change, hub.readTwin(deviceId)).forEach(show);
  });
  const call = (who: string, what: string, status: number | undefined, reason = ''): void =>
    view.call(who, `${what}: ${status ?? 'no answer'} ${reason}`.trimEnd()).forEach(show);
  hub.registryApi.onRead(({ path, status, reason }) => call('registry', path, status, reason));
  services.provisioning?.onCall(({ method, path, status, reason }) =>
    call('provisioning', `${method} ${path}`, status, reason),
  );
  const { identities, keys } = services.edge?.services ?? {};
  for (const service of [identities, keys]) {
    service?.onCall(({ method, path, status }) => call('edge', `${method} ${path}`, status));
  }
  services.proxy?.onRequest(({ target, status }) => call('proxy', target, status));
}

/** From here on each line of standard input is a fault to make; its end changes nothing. */
function takeFaults(options: ServeOptions, hub: LocalHub, services: Services): void {
  const { deviceId, show, stop } = options;
  const address = { deviceId, moduleId: 'azureiotsecurity' };
  const parts: FaultyParts = {
    faults: hub.faults,
    dropConnections: (how) => hub.dropConnections(how),
    freezeConnections: () => hub.freezeConnections(),
    rollKeys: (whose) => void hub.registry.rollKeys(whose === 'device' ? { deviceId } : address),
    setModuleSasDisabled: (disabled) => hub.registry.setModuleSasDisabled(disabled),
    setDisabled: (disabled) => hub.setDisabled(deviceId, disabled),
    ...(services.proxy && { proxyFaults: services.proxy.faults }),
    ...(services.provisioning && { provisioningFaults: services.provisioning.faults }),
  };
  show("Faults are taken from standard input, a line each; 'help' lists them.");
  createInterface({ input: process.stdin, signal: stop }).on('line', (line) =>
    takeFault(parts, line).forEach(show),
  );
}
