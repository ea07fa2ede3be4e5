import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../../agent/doctor/finding.js';
import { configurationObjectName } from '../../../config/twin-settings.js';
import type { ConnectionEvent } from '../../../local-hub/hub/local-hub.js';
import { deviceId, Fixture, runCommandLine } from '../../support/running-agent.js';

let fixture: Fixture;
const connections: ConnectionEvent[] = [];

beforeEach(async () => {
  connections.length = 0;
  fixture = new Fixture();
  await fixture.startHub();
  fixture.hub.onConnection((event) => void connections.push(event));
  fixture.configure();
  fixture.hub.patchDesired(deviceId, { [configurationObjectName]: {} });
});
afterEach(() => fixture.close());

const doctor = async (...options: string[]): Promise<ReadonlyMap<string, Finding>> => {
  const args = ['doctor', '--config', fixture.configFile, '--json', ...options];
  const { stdout } = await runCommandLine(args);
  return new Map((JSON.parse(stdout) as Finding[]).map((finding) => [finding.check, finding]));
};

const connected = (): readonly string[] =>
  connections.filter(({ moduleId }) => moduleId !== undefined).map(({ kind }) => kind);

describe('doctor beside a running agent', () => {
  it('does not touch its connection, and tells what it says of itself', async () => {
    await fixture.startAgent();
    await expect.poll(connected, { timeout: 20_000 }).toEqual(['connected']);
    await expect
      .poll(async () => (await doctor()).get('twin')?.verdict, { timeout: 20_000, interval: 500 })
      .toBe('ok');
    const bundle = join(fixture.directory, 'support.tar.gz');
    const found = await doctor('--send', '--bundle', bundle);
    expect(found.get('twin')?.found).toMatch(/because the agent runs.*it has version \d+ in force/);
    expect(found.get('message')?.verdict).toBe('unknown');
    expect(found.get('tls')?.verdict).toBe('ok');
    expect(connected()).toEqual(['connected']);
    const files = execFileSync('tar', ['-tzf', bundle], { encoding: 'utf8' });
    for (const name of ['status.json', 'metrics.prom', 'proc/agent/status']) {
      expect(files).toContain(`iot-security-agent/${name}\n`);
    }
  });

  it('connects once it has ended, and leaves nothing in its state', async () => {
    await fixture.startAgent();
    await expect.poll(connected, { timeout: 20_000 }).toEqual(['connected']);
    await fixture.stopAgent();
    const state = (): string =>
      execFileSync('ls', ['-lnR', '--time-style=full-iso', join(fixture.directory, 'state')], {
        encoding: 'utf8',
      });
    const before = state();
    const found = await doctor('--send');
    expect(found.get('twin')?.verdict).toBe('ok');
    expect(found.get('message')?.verdict).toBe('ok');
    expect(state()).toBe(before);
  });
});
