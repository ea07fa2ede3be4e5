import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { desired, deviceId, Fixture, payloadsOf } from '../support/running-agent.js';
import { buildScriptedAgent } from '../support/scripted-agent.js';

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const unit = readFileSync(
  join(import.meta.dirname, '..', '..', 'systemd', 'iot-security-agent.service'),
  'utf8',
);
const memoryCapBytes = Number(/^MemoryMax=(\d+)M$/m.exec(unit)?.[1]) * 1024 * 1024;
/** What the unit has Node keep to, without which the memory of the unit is not what is measured. */
const nodeOptions = /^Environment=(NODE_OPTIONS=\S+)$/m
  .exec(unit)?.[1]
  ?.slice('NODE_OPTIONS='.length);

describe('a storm of events beyond what can be handled', () => {
  const fixture = new Fixture();
  afterEach(async () => {
    delete process.env['STORM'];
    delete process.env['NODE_OPTIONS'];
    await fixture.close();
  });

  it('stays within the memory of the unit, sheds Low by cause and number, serves every High event, and says so in a line a minute', async () => {
    const notes = join(fixture.directory, 'notes');
    process.env['CRASH_NOTES'] = notes;
    process.env['CRASH_FIRST'] = '1';
    process.env['STORM'] = '400';
    expect(nodeOptions).toBeDefined();
    process.env['NODE_OPTIONS'] = nodeOptions;
    await fixture.startHub();
    fixture.configure();
    fixture.hub.patchDesired(
      deviceId,
      desired({
        highPriorityMessageFrequency: 'PT1S',
        lowPriorityMessageFrequency: 'PT1H',
        eventPriorityLogin: 'High',
        eventPriorityProcessTerminate: 'Low',
        aggregationEnabledProcessTerminate: false,
        maxLocalCacheSizeInBytes: 1_000_000,
      }),
    );
    await fixture.startAgent(await buildScriptedAgent('overload'));
    await wait(12_000);
    const lines = (): string[] => readFileSync(notes, 'utf8').split('\n').slice(0, -1);
    const pid =
      lines()
        .find((line) => line.startsWith('P '))
        ?.split(' ')[1] ?? '';
    const peakKilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(
      readFileSync(`/proc/${pid}/status`, 'utf8'),
    )?.[1];
    expect(await fixture.stopAgent()).toEqual({ code: 0, signal: null });

    expect(Number(peakKilobytes) * 1024).toBeLessThan(memoryCapBytes);
    const counters = JSON.parse(
      readFileSync(join(fixture.directory, 'state', 'counters.json'), 'utf8'),
    ) as { losses: Record<string, Record<string, number> | undefined> };
    const { high = {}, low = {} } = counters.losses;
    expect((low['spoolFull'] ?? 0) + (low['pipelineOverflow'] ?? 0)).toBeGreaterThan(1000);
    expect(high).toEqual({});
    const arrived = new Set(
      payloadsOf(fixture.hub.messages, 'Login').map(({ UserName }) => UserName),
    );
    const missing = lines().filter(
      (line) => line.startsWith('L ') && !arrived.has(line.split(' ')[2]),
    );
    expect(missing).toEqual([]);
    expect(
      fixture.log.filter((line) => line.includes('Lost or reported incompletely')),
    ).toHaveLength(1);
  }, 90_000);
});
