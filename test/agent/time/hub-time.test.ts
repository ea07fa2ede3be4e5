import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ModuleCredentials } from '../../../agent/identity/credentials/credentials.js';
import type { Proxy } from '../../../agent/identity/services/proxy-tunnel.js';
import { HubTime } from '../../../agent/time/hub-time.js';
import { ConnectProxy } from '../../../local-hub/services/proxy.js';
import { Bench } from '../../support/hub-wire.js';
import { recordingLog } from '../../support/recording-log.js';

const hourMs = 3_600_000;

let bench: Bench;
let credentials: ModuleCredentials;
let offMs: number;
let told: string[];
let time: HubTime;
let proxy: Proxy | undefined;

beforeEach(async () => {
  bench = await new Bench().start();
  credentials = bench.credentials(bench.hub.registerModule('device-1'));
  offMs = 0;
  proxy = undefined;
  told = [];
  time = new HubTime({
    wallMs: () => Date.now() + offMs,
    log: recordingLog(),
    timeoutMs: 5_000,
    proxy: () => Promise.resolve(proxy),
    onWrongClock: (sentence) => told.push(sentence),
  });
});

afterEach(() => {
  vi.unstubAllEnvs();
  return bench.end();
});

describe('the time of the hub', () => {
  it('corrects a wrong clock once, and is told with both times', async () => {
    offMs = -3 * hourMs;
    expect(await time.compare(credentials)).toBe(true);
    expect(await time.compare(credentials)).toBe(false);
    expect(Math.abs(time.correctionMs - 3 * hourMs)).toBeLessThan(10_000);
    expect(told).toEqual([expect.stringMatching(/clock of the device says .* behind the hub/)]);
  });

  it('explains no refusal when the clock is right', async () => {
    expect(await time.compare(credentials)).toBe(false);
    expect(time.correctionMs).toBe(0);
    expect(told).toEqual([]);
  });

  it('is kept in force when the clock is set, and given up when it is set right', async () => {
    offMs = -3 * hourMs;
    await time.compare(credentials);
    time.clockSet(hourMs);
    expect(Math.abs(time.correctionMs - 2 * hourMs)).toBeLessThan(10_000);
    time.clockSet(2 * hourMs);
    expect(time.correctionMs).toBe(0);
  });

  it('is not taken from a server whose certificate is not trusted, whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    offMs = -3 * hourMs;
    const { trustedCaPem, ...untrusting } = credentials;
    expect(trustedCaPem).toBeDefined();
    expect(await time.compare(untrusting)).toBe(false);
    expect(time.correctionMs).toBe(0);
  });

  it('is asked for through the proxy where there is one', async () => {
    const server = await ConnectProxy.start();
    const tunnels: unknown[] = [];
    server.onRequest((request) => void tunnels.push(request));
    proxy = { host: 'localhost', port: server.port };
    offMs = -3 * hourMs;
    expect(await time.compare(credentials)).toBe(true);
    expect(tunnels).toMatchObject([{ status: 200 }]);
    await server.stop();
    // Without the proxy nothing is asked, although the hub could be reached.
    offMs = -6 * hourMs;
    expect(await time.compare(credentials)).toBe(false);
  });

  it('is not waited for when the hub is away', async () => {
    await bench.hub.stop();
    expect(await time.compare(credentials)).toBe(false);
    await bench.start();
  });
});
