/**
 * The running agent under steady activity, with a hub that is restarted every minute: what it holds must not grow.
 * Needs no privileges: programs are seen by polling /proc, and the hub listens on loopback.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { desired, deviceId, Fixture, startMarked } from '../test/support/running-agent.js';

interface Sample {
  readonly atMs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly descriptors: number;
  readonly handles: number;
  readonly listeners: number;
  readonly writes: number;
  readonly bytes: number;
  readonly syncs: number;
}

/** Of the agent's settings: short enough that a run of minutes sees many windows and messages. */
const settings = {
  highPriorityMessageFrequency: 'PT10S',
  lowPriorityMessageFrequency: 'PT30S',
  aggregationIntervalProcessCreate: 'PT20S',
  snapshotFrequency: 'PT1M',
};

const hubCycleMs = 60_000;
const hubAwayMs = 10_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    'default-settings': { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes needs a number above 0.');

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function bytesBelow(directory: string): number {
  return readdirSync(directory, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return sum + bytesBelow(path);
    return sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  }, 0);
}

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

async function main(): Promise<boolean> {
  const fixture = new Fixture();
  const probeFile = join(fixture.directory, 'probe.jsonl');
  process.env['SOAK_PROBE_FILE'] = probeFile;
  await fixture.startHub();
  fixture.configure({ processPollingInterval: 'PT0.5S' });
  if (!values['default-settings']) fixture.hub.patchDesired(deviceId, desired(settings));
  process.env['NODE_OPTIONS'] =
    `--require ${join(import.meta.dirname, '..', '..', 'bench', 'probe.cjs')}`;
  await fixture.startAgent();
  delete process.env['NODE_OPTIONS'];

  const endMs = Date.now() + minutes * 60_000;
  const stateBytes: number[] = [];
  let received = 0;
  let restarts = 0;
  let programs = 0;
  const activity = (async () => {
    while (Date.now() < endMs) {
      programs++;
      // Nine of ten are old acquaintances, which are counted; the tenth was never seen before.
      const mark = programs % 10 === 0 ? `soak-new-${programs}` : `soak-${programs % 7}`;
      void startMarked(mark, 1);
      await wait(400);
    }
  })();
  const hub = (async () => {
    while (Date.now() + hubCycleMs < endMs) {
      await wait(hubCycleMs - hubAwayMs);
      received += fixture.hub.messages.length;
      await fixture.hub.stop();
      await wait(hubAwayMs);
      await fixture.startHub();
      restarts++;
    }
  })();
  const watch = (async () => {
    while (Date.now() < endMs) {
      await wait(5_000);
      stateBytes.push(bytesBelow(join(fixture.directory, 'state')));
    }
  })();
  await Promise.all([activity, hub, watch]);
  received += fixture.hub.messages.length;
  const samples = readFileSync(probeFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Sample);
  const ending = await fixture.stopAgent();
  const warnings = fixture.log.filter((line) => line.includes('MaxListeners'));
  await fixture.close();

  // The first quarter is warming up: code is compiled, caches fill.
  const later = samples.slice(Math.floor(samples.length / 4));
  const half = Math.floor(later.length / 2);
  const series = (of: (sample: Sample) => number): [number, number] => [
    mean(later.slice(0, half).map(of)),
    mean(later.slice(half).map(of)),
  ];
  const hours = ((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)) / 3_600_000;
  const perHour = (of: (sample: Sample) => number): number => {
    const [first, last] = [samples[0], samples.at(-1)];
    return first === undefined || last === undefined
      ? 0
      : Math.round((of(last) - of(first)) / hours);
  };
  const laterState = stateBytes.slice(Math.floor(stateBytes.length / 4));
  const checks: readonly [string, [number, number], number][] = [
    // In a run of a few minutes the halves still differ by what the collector had not come to yet.
    ['memory (MB)', series(({ rssBytes }) => rssBytes / 1e6), minutes < 5 ? 25 : 8],
    ['heap after collection (MB)', series(({ heapBytes }) => heapBytes / 1e6), 2],
    ['descriptors', series(({ descriptors }) => descriptors), 2],
    ['handles', series(({ handles }) => handles), 2],
    ['listeners', series(({ listeners }) => listeners), 8],
    [
      'state directory (KB)',
      [
        Math.max(...laterState.slice(0, Math.floor(laterState.length / 2))) / 1e3,
        Math.max(...laterState.slice(Math.floor(laterState.length / 2))) / 1e3,
      ],
      300,
    ],
  ];
  say(
    `${minutes} minutes, ${programs} programs, ${restarts} restarts of the hub, ${received} messages`,
  );
  let good = ending.code === 0 && warnings.length === 0 && received > 0;
  for (const [what, [before, after], allowed] of checks) {
    const steady = after - before <= allowed;
    good &&= steady;
    say(
      `${steady ? 'steady' : 'GROWS '} ${what.padEnd(28)} ${before.toFixed(1)} then ${after.toFixed(1)} (may grow by ${allowed})`,
    );
  }
  say(
    `flash: ${perHour(({ writes }) => writes)} writes, ${perHour(({ bytes }) => bytes / 1000)} KB and ${perHour(({ syncs }) => syncs)} syncs per hour at this pace`,
  );
  for (const line of warnings) say(line);
  if (ending.code !== 0) say(`The agent ended with ${ending.code}.`);
  return good;
}

process.exit((await main()) ? 0 : 1);
