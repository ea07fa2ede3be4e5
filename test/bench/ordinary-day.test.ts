import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { measureDay } from '../../bench/fleet/day/measure.js';
import { measuredDay } from '../../bench/fleet/day/measured.js';
import { ordinaryDay } from '../../bench/fleet/day/ordinary-day.js';
import { settingsFor } from '../../bench/fleet/scenarios.js';
import { ordinaryTraffic, unitsPerDay } from '../../bench/fleet/traffic.js';

const root = join(import.meta.dirname, '../..');
const { high, low, reads, updates } = measuredDay;
const units = high.units + low.units + reads.units + updates.units;
const bytes = high.bytes + low.bytes + reads.bytes + updates.bytes;

it('what a device sends on the recorded ordinary day is what is declared', async () => {
  const day = ordinaryDay(join(root, 'bench/fleet/day/recorded.jsonl'));
  expect(await measureDay(day)).toEqual(measuredDay);
});

it('the traffic of fleets has as many units as were measured', () => {
  const { settings } = settingsFor({ reconnectSeconds: 0, twinSeconds: 0 });
  expect(unitsPerDay(ordinaryTraffic, settings)).toBeCloseTo(units, 6);
});

it('the page on fleets tells the measured units and bytes', () => {
  const readme = readFileSync(join(root, 'docs', 'fleet.md'), 'utf8').replaceAll('\n', ' ');
  expect(readme).toContain(`${units.toFixed(1)} metered units of 4 KB`);
  expect(readme).toContain(`${Math.round(bytes / 1000)} kB`);
});
