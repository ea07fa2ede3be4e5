import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/device/audit-support.js';
import { AuditedAgent, statusOf } from '../support/device/audited-agent.js';
import { deviceId, type Event, payloadsOf } from '../support/running-agent.js';

let audited: AuditedAgent;

beforeEach(async () => {
  audited = new AuditedAgent();
  await audited.prepare();
});

afterEach(() => audited.close());

const hours = {
  highPriorityMessageFrequency: 'PT5H',
  lowPriorityMessageFrequency: 'PT5H',
  aggregationIntervalProcessCreate: 'PT5H',
};

const programs = (): Event['Payload'] => payloadsOf(audited.fixture.hub.messages, 'ProcessCreate');

/** Other programs on the machine may raise alerts of their own. */
const alerts = (): Event['Payload'] =>
  programs().filter(({ ExtraDetails }) => ExtraDetails?.['AlertType'] === 'IoT_CryptoMiner');

interface Detected {
  readonly detection?: { readonly state?: string; readonly loaded?: number };
}

/** Resolves when events are judged by these settings. */
async function judging(): Promise<void> {
  await audited.fixture.hub.awaitTwin(
    deviceId,
    (twin) => (statusOf(twin) as Detected | undefined)?.detection?.state === 'running',
    15_000,
  );
}

describe('detection on a real kernel', () => {
  it('has the self-test of the retired service at the hub as a High alert within 2 s, though intervals are hours', async () => {
    audited.set(hours);
    await audited.start();
    await judging();
    execFileSync('sh', ['-c', 'echo cpuminer-multi'], { stdio: 'ignore' });
    await until('the alert', 2_000, () => alerts().length > 0);
    expect(alerts()).toEqual([
      expect.objectContaining({
        CommandLine: 'sh -c echo cpuminer-multi',
        ExtraDetails: expect.objectContaining({
          AlertType: 'IoT_CryptoMiner',
          AlertSeverity: 'High',
          RuleSource: 'builtin',
        }) as object,
      }),
    ]);
    expect(audited.fixture.hub.messages.at(-1)?.properties['MessagePriority']).toBe('High');
    expect(audited.problems).toEqual([]);
    await audited.fixture.stopAgent();
    // Not told once more with what waited.
    expect(alerts()).toHaveLength(1);
  });

  it('knows a program by the name that was typed, where the kernel has the end of a link', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'typed-'));
    try {
      const typed = join(directory, 'xmrig');
      symlinkSync('/bin/true', typed);
      audited.set(hours);
      await audited.start();
      await judging();
      spawnSync(typed, [], { argv0: 'harmless', stdio: 'ignore' });
      await until('the alert', 2_000, () => alerts().length > 0);
      expect(alerts()).toEqual([expect.objectContaining({ CommandLine: 'harmless' })]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('tells alerts and nothing else of an event that is Off, where the twin wants that', async () => {
    audited.set({ ...hours, eventPriorityProcessCreate: 'Off', detectionOfUnsentEvents: true });
    await audited.start();
    await judging();
    execFileSync('true', ['ordinary']);
    execFileSync('sh', ['-c', 'echo cpuminer-multi'], { stdio: 'ignore' });
    await until('the alert', 2_000, () => alerts().length > 0);
    await audited.fixture.stopAgent();
    expect(alerts().map(({ CommandLine }) => CommandLine)).toEqual(['sh -c echo cpuminer-multi']);
    const lines = programs().map(({ CommandLine }) => CommandLine);
    expect(lines).not.toContain('true ordinary');
  });
});
