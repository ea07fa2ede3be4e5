import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TwinDocument } from '../../agent/hub/hub-client.js';
import { HubLink, type HubLinkOptions } from '../../agent/hub/hub-link.js';
import type { LinkState } from '../../agent/hub/link-state.js';
import { createSdkClient } from '../../agent/hub/sdk-client.js';
import type { ModuleCredentials } from '../../agent/identity/credentials/credentials.js';
import { systemClock } from '../../base/clock.js';
import type { JsonObject } from '../../base/json.js';
import { LocalHub, type ModuleRegistration } from '../../local-hub/hub/local-hub.js';
import { sourceOf } from './credential-source.js';
import { unspread } from './moments.js';
import { recordingLog } from './recording-log.js';

/** A hub on loopback with its state directory, which a second start on the same port goes on with. */
export class Bench {
  readonly directory = mkdtempSync(join(tmpdir(), 'hub-link-'));
  hub!: LocalHub;
  private port = 0;

  async start(): Promise<this> {
    this.hub = await LocalHub.start({ stateDirectory: this.directory, port: this.port });
    this.port = this.hub.port;
    return this;
  }

  async end(): Promise<void> {
    await this.hub.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  credentials(registration: ModuleRegistration): ModuleCredentials {
    return {
      hostName: registration.hubName,
      gatewayHostName: registration.gatewayHostName,
      deviceId: registration.deviceId,
      moduleId: registration.moduleId,
      proof: { kind: 'key', sharedAccessKey: registration.primaryKey },
      trustedCaPem: readFileSync(this.hub.caFile, 'utf8'),
    };
  }
}

/** For clients whose device knows the time; no test lasts until a token is renewed by itself. */
export const clientDefaults = {
  untilRenewalMs: () => 3_600_000,
  wallMs: () => Date.now(),
  clockCorrectionMs: () => 0,
  transport: 'mqtt',
  proxy: () => Promise.resolve(undefined),
  requestTimeoutMs: 5_000,
} as const;

/** A link over the real SDK, with everything it said. */
export class LinkProbe {
  readonly log = recordingLog();
  readonly twins: TwinDocument[] = [];
  readonly patches: JsonObject[] = [];
  readonly states: LinkState[] = [];
  readonly link: HubLink;
  private waiting: (() => void)[] = [];

  constructor(
    credentials: () => Promise<ModuleCredentials>,
    options: Partial<HubLinkOptions> = {},
    keepAliveMs = 60_000,
    way: Partial<Parameters<typeof createSdkClient>[0]> = {},
  ) {
    this.link = new HubLink({
      source: sourceOf(credentials),
      createClient: createSdkClient({
        ...clientDefaults,
        ...way,
        keepAliveMs,
        productInfo: 'iot-security-agent/test',
      }),
      clock: systemClock,
      random: () => 0,
      moments: unspread,
      log: this.log,
      requestTimeoutMs: 5_000,
      compareTime: () => Promise.resolve(false),
      ...options,
    });
    this.link.listen({
      onTwin: (twin) => this.heard(() => this.twins.push(twin)),
      onDesiredPatch: (patch) => this.heard(() => this.patches.push(patch)),
      onState: (state) => this.heard(() => this.states.push(state)),
    });
  }

  /** Resolves when `condition` holds; looked at after everything that the link says, and now and then. */
  async until(what: string, condition: () => boolean, timeoutMs = 15_000): Promise<void> {
    const endMs = Date.now() + timeoutMs;
    while (!condition()) {
      if (Date.now() > endMs) {
        const said = this.log.lines.map(({ level, message }) => `${level} ${message}`).join('\n');
        throw new Error(`Waited in vain for: ${what}. The log says:\n${said}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  private heard(note: () => void): void {
    note();
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
