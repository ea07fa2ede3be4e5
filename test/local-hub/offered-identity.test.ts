import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSdkClient } from '../../agent/hub/sdk-client.js';
import { createCredentialSource } from '../../agent/identity/credential-source.js';
import { readProxy } from '../../agent/identity/modes/proxy.js';
import { surroundingsOf } from '../../agent/identity/modes/surroundings.js';
import { readLocalSettings } from '../../config/read-local-settings.js';
import { offers, type OfferName } from '../../local-hub/offered-identity.js';
import { serveHub } from '../../local-hub/serve.js';
import { temporaryDirectory } from '../support/hub-fixture.js';
import { clientDefaults } from '../support/hub-wire.js';

type ServeOptions = Parameters<typeof serveHub>[0];

/** Runs the hub for so long as `look` takes; gives what it showed. */
async function served(
  options: Pick<ServeOptions, 'identity' | 'stateDirectory'> & Partial<ServeOptions>,
  look: () => Promise<void>,
): Promise<string> {
  const stop = new AbortController();
  const shown: string[] = [];
  let isUp = (): void => undefined;
  const up = new Promise<void>((resolve) => (isUp = resolve));
  const running = serveHub({
    port: 0,
    httpsPort: 0,
    dpsPort: 0,
    proxyPort: undefined,
    proxyCredentials: undefined,
    deviceId: 'device-1',
    webSocket: false,
    faults: false,
    stop: stop.signal,
    show: (line) => {
      shown.push(line);
      if (line === '}') isUp();
    },
    columns: () => undefined,
    ...options,
  });
  try {
    await Promise.race([up, running]);
    await look();
  } finally {
    stop.abort();
    await running;
  }
  return shown.join('\n');
}

/** Does with the configuration what the agent does until it has its twin. */
async function connectAsAgent(directory: string): Promise<unknown> {
  const result = await readLocalSettings(join(directory, 'device-1.agent.json'));
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  const settings = { ...result.settings, stateDirectory: temporaryDirectory() };
  const surroundings = surroundingsOf({}, 5_000);
  const credentials = await createCredentialSource(settings, surroundings).current();
  const client = createSdkClient({
    ...clientDefaults,
    keepAliveMs: 60_000,
    productInfo: 'iot-security-agent/test',
    requestTimeoutMs: 5_000,
    transport: settings.transport,
    proxy: () => readProxy(settings, surroundings.access),
  })(credentials, {
    desiredPatch: () => undefined,
    disconnected: () => undefined,
    renewed: () => undefined,
    unusable: () => undefined,
  });
  try {
    await client.open();
    return await client.readTwin();
  } finally {
    client.abandon();
  }
}

const emptyTwin = { desired: { $version: 1 }, reported: { $version: 1 } };

describe('the configuration that the stand-in hub offers', () => {
  it.each(Object.keys(offers) as OfferName[])(
    'for %s lets the agent be the module, also after a restart of the hub',
    async (identity) => {
      const stateDirectory = temporaryDirectory();
      for (let start = 0; start < 2; start += 1) {
        await served({ identity, stateDirectory }, async () => {
          expect(await connectAsAgent(stateDirectory)).toEqual(emptyTwin);
        });
      }
    },
  );

  it('leads over WebSockets and through the proxy with its password', async () => {
    const stateDirectory = temporaryDirectory();
    const options = {
      identity: 'device',
      stateDirectory,
      webSocket: true,
      proxyPort: 0,
      proxyCredentials: 'agent:p:w',
    } as const;
    const shown = await served(options, async () => {
      expect(await connectAsAgent(stateDirectory)).toEqual(emptyTwin);
    });
    expect(shown).toContain('"transport": "mqtt-websocket"');
    expect(shown).toMatch(/registry +\/devices\/device-1\/modules\/.*: 200/);
    expect(shown).toMatch(/proxy +localhost:\d+: 200/);
    expect(shown).toMatch(/device-1\/azureiotsecurity connected/);
  });

  it('shows no secret, and writes them for their owner only', async () => {
    const stateDirectory = temporaryDirectory();
    const shown = await served({ identity: 'dps', stateDirectory }, () => Promise.resolve());
    const file = join(stateDirectory, 'device-1.enrolment-key');
    expect(shown).toContain(`"keyFile": "${file}"`);
    expect(shown).not.toContain(readFileSync(file, 'utf8').trim());
    for (const name of ['enrolment-key', 'agent.json']) {
      expect(statSync(join(stateDirectory, `device-1.${name}`)).mode & 0o777).toBe(0o600);
    }
  });
});
