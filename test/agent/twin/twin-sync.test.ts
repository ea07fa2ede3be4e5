import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkListener } from '../../../agent/hub/link-state.js';
import { TwinSync } from '../../../agent/twin/twin-sync.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../base/json.js';
import { evaluateTwin, type Evaluation } from '../../../config/evaluate-twin.js';
import { earlyObjectName } from '../../../config/twin-dialects.js';
import { configurationObjectName as objectName } from '../../../config/twin-settings.js';
import type { EventName } from '../../../contract/events.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { unspread } from '../../support/moments.js';
import { recordingLog } from '../../support/recording-log.js';

class FakeLink {
  listener: LinkListener = {};
  readonly reports: JsonObject[] = [];
  reads = 0;

  listen(listener: LinkListener): () => void {
    this.listener = listener;
    return () => (this.listener = {});
  }

  report(patch: JsonObject): Promise<void> {
    this.reports.push(patch);
    return Promise.resolve();
  }

  readTwin(): void {
    this.reads += 1;
  }

  twin(desired: JsonObject, reported: JsonObject = {}): void {
    this.listener.onTwin?.({ desired, reported });
  }
}

let directory: string;
let clock: FakeClock;
let link: FakeLink;
let log: ReturnType<typeof recordingLog>;
let applied: { interval: string; version: number; rejected: string[] }[];
let sync: TwinSync;
let produced: Set<string>;
let disabledEvents: readonly EventName[] = [];

const start = async (): Promise<void> => {
  clock = new FakeClock();
  link = new FakeLink();
  log = recordingLog();
  applied = [];
  produced = new Set(['ProcessCreate']);
  sync = new TwinSync({
    link,
    clock,
    random: () => 0,
    moments: unspread,
    log,
    stateDirectory: directory,
    objectName,
    disabledEvents,
    produces: (event) => produced.has(event),
    onSettings: ({ settings, problems }: Evaluation, version) =>
      applied.push({
        interval: settings.highPriorityMessageFrequency.text,
        version,
        rejected: problems.map(({ key }) => key),
      }),
    status: () => ({ desiredVersion: sync.desiredVersion }),
    posture: () => undefined,
  });
  await sync.start();
};
const high = (value: string | number): JsonObject => ({
  [objectName]: { highPriorityMessageFrequency: { value } },
});
const patch = (version: number, settings: JsonObject): void =>
  link.listener.onDesiredPatch?.({ ...settings, $version: version });
/** Longer than the twin waits between two applications. */
const pauseMs = 1500;
const file = (): string => join(directory, 'desired.json');

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'twin-sync-'));
  await start();
});

afterEach(async () => {
  await sync.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('the twin', () => {
  it('starts with the defaults, and hands on each change once', async () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    link.twin({ ...high('PT2M'), $version: 3 });
    await clock.advance(pauseMs);
    patch(4, high('PT9M'));
    patch(4, high('PT8M'));
    await clock.advance(pauseMs);
    expect(applied).toEqual([
      { interval: 'PT7M', version: 0, rejected: [] },
      { interval: 'PT2M', version: 3, rejected: [] },
      { interval: 'PT9M', version: 4, rejected: [] },
    ]);
  });

  it('reports the settings in force as they were written, and the version', async () => {
    link.twin({ ...high('PT120S'), $version: 3 });
    await clock.advance(pauseMs);
    expect(link.reports).toHaveLength(1);
    expect(link.reports[0]).toMatchObject({
      [objectName]: { highPriorityMessageFrequency: { value: 'PT120S' } },
      agentStatus: { desiredVersion: 3 },
    });
    patch(4, high('PT3M'));
    await settle();
    expect(link.reports[1]).toEqual({
      [objectName]: { highPriorityMessageFrequency: { value: 'PT3M' } },
      agentStatus: { desiredVersion: 4, lastSeen: '2026-01-02T03:04:06.500Z' },
    });
  });

  it('is read again after a gap, and not changed by what came after it', () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    patch(5, high('PT9M'));
    expect(link.reads).toBe(1);
    expect(applied.at(-1)).toMatchObject({ interval: 'PT2M', version: 3 });
  });

  it('a bad value is rejected alone and its last good value goes on, also after a restart', async () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    await clock.advance(pauseMs);
    patch(4, high('soon'));
    const bad = { interval: 'PT2M', version: 4, rejected: ['highPriorityMessageFrequency'] };
    expect(applied.at(-1)).toEqual(bad);
    await sync.stop();
    await start();
    expect(applied).toEqual([bad]);
  });

  it('follows a module that was made anew', async () => {
    link.twin({ ...high('PT2M'), $version: 30 });
    await clock.advance(pauseMs);
    link.twin({ $version: 1 });
    expect(applied.at(-1)).toMatchObject({ interval: 'PT7M', version: 1 });
  });
});

describe('many changes in a row', () => {
  const minutes = (version: number): JsonObject => high(`PT${version}M`);
  const stored = (): unknown => JSON.parse(readFileSync(file(), 'utf8'));

  it('are applied, logged and reported as one, and that is the newest with all of them merged', async () => {
    link.twin({ ...minutes(2), $version: 1 });
    await settle();
    patch(2, { [objectName]: { snapshotFrequency: { value: 'PT2H' } } });
    for (let version = 3; version <= 50; version++) patch(version, minutes(version));
    await settle();
    expect(applied.map(({ version }) => version)).toEqual([0, 1]);
    expect(sync.desiredVersion).toBe(1);
    expect(link.reports).toHaveLength(1);
    await clock.advance(pauseMs);
    expect(applied.slice(2)).toEqual([{ interval: 'PT50M', version: 50, rejected: [] }]);
    expect(log.messages('info')).toHaveLength(2);
    expect(link.reports.slice(1)).toEqual([
      {
        [objectName]: {
          highPriorityMessageFrequency: { value: 'PT50M' },
          snapshotFrequency: { value: 'PT2H' },
        },
        agentStatus: { desiredVersion: 50, lastSeen: '2026-01-02T03:04:06.000Z' },
      },
    ]);
    await clock.advance(10 * pauseMs);
    expect(applied).toHaveLength(3);
    expect(link.reports).toHaveLength(2);
    // That of the sign of life.
    expect(clock.timers).toBe(1);
  });

  it('are applied once a second while they last', async () => {
    for (let version = 1; version <= 1000; version++) {
      if (version === 1) link.twin({ ...minutes(1), $version: 1 });
      else patch(version, minutes((version % 50) + 1));
      await clock.advance(10);
    }
    await clock.advance(pauseMs);
    expect(applied.length).toBeLessThanOrEqual(13);
    expect(applied.length).toBeGreaterThanOrEqual(10);
    expect(applied.at(-1)?.version).toBe(1000);
    expect(link.reports.length).toBeLessThanOrEqual(applied.length);
  });

  it('after a pause, one is applied and reported at once', async () => {
    link.twin({ ...minutes(1), $version: 1 });
    await clock.advance(pauseMs);
    patch(2, minutes(2));
    await settle();
    expect(applied.at(-1)).toMatchObject({ version: 2 });
    expect(link.reports).toHaveLength(2);
  });

  it('that a stop interrupts: the last is stored', async () => {
    link.twin({ ...minutes(1), $version: 1 });
    for (let version = 2; version <= 9; version++) patch(version, minutes(version));
    await sync.stop();
    expect(clock.timers).toBe(0);
    expect(stored()).toMatchObject({ version: 9, desired: minutes(9), effective: {} });
    await start();
    expect(applied).toEqual([{ interval: 'PT9M', version: 9, rejected: [] }]);
  });

  it('whose last is read anew within the pause are reported as that', async () => {
    link.twin({ ...minutes(1), $version: 1 });
    patch(2, minutes(2));
    link.twin({ ...minutes(3), $version: 3 });
    await clock.advance(pauseMs);
    expect(applied.map(({ version }) => version)).toEqual([0, 1, 3]);
    expect(link.reports.at(-1)).toMatchObject({ agentStatus: { desiredVersion: 3 } });
  });
});

describe('the stored document', () => {
  it('is in force after a start without a hub', async () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    await sync.stop();
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    await start();
    expect(applied).toEqual([{ interval: 'PT2M', version: 3, rejected: [] }]);
    link.twin({ ...high('PT2M'), $version: 3 });
    expect(applied).toHaveLength(1);
  });

  it.each([
    ['', 'line 1'],
    ['{"format":"else"}', 'not a file of this agent'],
    ['{"format":"iot-security-agent desired properties 1","version":"x"}', 'members are missing'],
  ])('%s is not used, and said', async (text, says) => {
    await sync.stop();
    writeFileSync(file(), text);
    await start();
    expect(applied).toEqual([{ interval: 'PT7M', version: 0, rejected: [] }]);
    expect(log.lines).toEqual([
      { level: 'warn', message: expect.stringContaining(says) as string },
    ]);
  });

  it('that cannot be written costs a warning only', async () => {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'no directory');
    link.twin({ ...high('PT2M'), $version: 3 });
    await sync.stop();
    expect(applied.at(-1)).toMatchObject({ interval: 'PT2M' });
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('is not written again when nothing changed', async () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    await sync.stop();
    const { ino } = statSync(file());
    await start();
    link.twin({ ...high('PT2M'), $version: 3 });
    await sync.stop();
    expect(statSync(file()).ino).toBe(ino);
  });

  it('is replaced as a whole', async () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    await sync.stop();
    const before = readFileSync(file(), 'utf8');
    chmodSync(file(), 0o644);
    await start();
    link.twin({ ...high('PT4M'), $version: 4 });
    await sync.stop();
    expect(readFileSync(file(), 'utf8')).not.toBe(before);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });
});

describe('the settings of an event', () => {
  const told = (report: JsonObject | undefined): Record<string, unknown> =>
    (report?.[objectName] ?? {}) as Record<string, unknown>;

  it('that nothing here produces are not told as in force, and those that were told are taken back', async () => {
    await start();
    link.twin(
      {
        [objectName]: {
          eventPriorityOSBaseline: { value: 'High' },
          eventPriorityProcessCreate: { value: 'High' },
        },
        $version: 2,
      },
      { [objectName]: { baselineCustomChecksEnabled: { value: true } }, $version: 5 },
    );
    await settle();
    const settings = told(link.reports[0]);
    expect(settings).toMatchObject({
      eventPriorityProcessCreate: { value: 'High' },
      aggregationIntervalProcessCreate: { value: 'PT1H' },
      eventPriorityDiagnostic: { value: 'Low' },
      highPriorityMessageFrequency: { value: 'PT7M' },
      baselineCustomChecksEnabled: null,
    });
    expect(settings).not.toHaveProperty('eventPriorityOSBaseline');
    expect(settings).not.toHaveProperty('eventPriorityLogin');
    expect(settings).not.toHaveProperty('aggregationEnabledConnectionCreate');
  });

  it('are told as soon as a collector produces it', async () => {
    await start();
    produced.add('OSBaseline');
    link.twin({ [objectName]: { eventPriorityOSBaseline: { value: 'High' } }, $version: 2 });
    await settle();
    expect(told(link.reports[0])).toMatchObject({ eventPriorityOSBaseline: { value: 'High' } });
  });
});

describe('a change that removes what was never there', () => {
  it('is taken as the next version and leaves every setting as it was', async () => {
    await start();
    link.twin({ ...high('PT3M'), $version: 2 });
    patch(3, { never: null, [objectName]: { lowPriorityMessageFrequency: null, never: null } });
    await clock.advance(pauseMs);
    patch(4, { other: { never: null }, [objectName]: { never: { value: null } } });
    await clock.advance(pauseMs);
    expect(applied.at(-1)).toEqual({ interval: 'PT3M', version: 4, rejected: [] });
    expect(link.reads).toBe(0);
    await sync.stop();
    const stored = JSON.parse(readFileSync(file(), 'utf8')) as { desired: JsonObject };
    expect(JSON.stringify(stored.desired)).not.toContain('null');
  });
});

describe('a twin in another dialect', () => {
  const micro = { CollectorsCore_PriorityIntervals: '2,4,8', Login_MessageFrequency: 'High' };
  const last = (): JsonObject => link.reports.at(-1) ?? {};
  const send = async (version: number, settings: JsonObject): Promise<void> => {
    patch(version, settings);
    await clock.advance(pauseMs);
  };

  it('is in force, and answered as the micro agent answers, beside our own object', async () => {
    link.twin({ ...micro, $version: 3 });
    await settle();
    expect(last()).toMatchObject({
      latest_state: 'success',
      latest_invalid_fields: [],
      [objectName]: { highPriorityMessageFrequency: { value: 'PT2M' } },
    });
    await clock.advance(pauseMs);
    await send(4, { Login_Disabled: 'perhaps' });
    expect(last()).toEqual({
      latest_state: 'failed',
      latest_invalid_fields: ['Login_Disabled'],
      agentStatus: { desiredVersion: 4, lastSeen: '2026-01-02T03:04:06.500Z' },
    });
    await send(5, { Login_Disabled: null });
    expect(last()).toMatchObject({ latest_state: 'success', latest_invalid_fields: [] });
  });

  it('has a member that is removed go back to its default, and keeps the others', async () => {
    link.twin({ ...micro, $version: 3 });
    await clock.advance(pauseMs);
    await send(4, { Login_MessageFrequency: null, Peripheral_CacheSize: 256 });
    expect(applied.at(-1)).toEqual({ interval: 'PT2M', version: 4, rejected: [] });
    await send(5, { CollectorsCore_PriorityIntervals: null });
    expect(applied.at(-1)).toEqual({ interval: 'PT30M', version: 5, rejected: [] });
    await send(6, { Peripheral_CacheSize: null });
    expect(applied.at(-1)).toEqual({ interval: 'PT7M', version: 6, rejected: [] });
  });

  it('keeps the last good value of a wrong member over a restart', async () => {
    link.twin({ ...micro, $version: 3 });
    await clock.advance(pauseMs);
    await send(4, { CollectorsCore_PriorityIntervals: 'often' });
    const kept = {
      interval: 'PT2M',
      version: 4,
      rejected: ['CollectorsCore_PriorityIntervals'],
    };
    expect(applied.at(-1)).toEqual(kept);
    await sync.stop();
    await start();
    expect(applied).toEqual([kept]);
  });

  it('gives way to the contract while a fleet moves, and its answers are taken back', async () => {
    link.twin({ ...micro, $version: 3 });
    await clock.advance(pauseMs);
    await send(4, high('PT9M'));
    expect(applied.at(-1)).toEqual({ interval: 'PT9M', version: 4, rejected: [objectName] });
    expect(last()).toMatchObject({ latest_state: null, latest_invalid_fields: null });
    await send(5, { CollectorsCore_PriorityIntervals: null, Login_MessageFrequency: null });
    expect(applied.at(-1)).toEqual({ interval: 'PT9M', version: 5, rejected: [] });
    // And back again.
    await send(6, { [objectName]: null, ...micro });
    expect(applied.at(-1)).toEqual({ interval: 'PT2M', version: 6, rejected: [] });
    expect(last()).toMatchObject({ latest_state: 'success' });
  });

  it('under the early name is in force and told once in the log', async () => {
    const early = (value: string): JsonObject => ({
      [earlyObjectName]: { highPriorityMessageFrequency: value },
    });
    link.twin({ ...early('PT3M'), $version: 3 });
    await clock.advance(pauseMs);
    await send(4, early('PT4M'));
    expect(applied.at(-1)).toEqual({ interval: 'PT4M', version: 4, rejected: [] });
    expect(log.messages('warn')).toEqual([expect.stringContaining('before July 2019')]);
    await send(5, { [earlyObjectName]: { highPriorityMessageFrequency: null } });
    expect(applied.at(-1)).toEqual({ interval: 'PT7M', version: 5, rejected: [] });
  });
});

describe('events that the owner has switched off', () => {
  beforeEach(async () => {
    await sync.stop();
    disabledEvents = ['ProcessCreate'];
    await start();
  });
  afterEach(() => {
    disabledEvents = [];
  });
  const asked = { [objectName]: { eventPriorityProcessCreate: { value: 'High' } }, $version: 3 };

  it('are reported as off, and the twin that asks otherwise is told', async () => {
    link.twin(asked);
    await settle();
    expect(link.reports.at(-1)).toMatchObject({
      [objectName]: { eventPriorityProcessCreate: { value: 'Off' } },
    });
    expect(applied.at(-1)?.rejected).toEqual(['eventPriorityProcessCreate']);
  });

  it('come back as the twin has them when the owner takes that back', async () => {
    link.twin(asked);
    await clock.advance(pauseMs);
    patch(4, { [objectName]: { eventPriorityProcessCreate: { value: 'perhaps' } } });
    await sync.stop();
    disabledEvents = [];
    await start();
    link.twin({ ...asked, $version: 4 });
    await settle();
    expect(link.reports.at(-1)).toMatchObject({
      [objectName]: { eventPriorityProcessCreate: { value: 'High' } },
    });
  });
});

describe('changes that go from one dialect to another and back', () => {
  const value = fc.constantFrom('PT2M', 'PT3M', null);
  const anyChange = fc.oneof(
    value.map((each) => ({
      [objectName]: { highPriorityMessageFrequency: each === null ? null : { value: each } },
    })),
    value.map((each) => ({ [earlyObjectName]: { highPriorityMessageFrequency: each } })),
    fc.constantFrom<JsonObject>(
      { [objectName]: null },
      { [earlyObjectName]: null },
      { CollectorsCore_PriorityIntervals: '1,2,4' },
      { CollectorsCore_PriorityIntervals: null },
      { Process_Disabled: true },
      { Process_Disabled: null, Login_Disabled: null },
      { Login_Disabled: false },
    ),
  );

  type Members = Map<string, JsonValue | Map<string, JsonValue>>;

  /** What the hub holds after a change, by hand: no member is deeper than two levels. */
  function change(document: Members, changes: JsonObject): void {
    for (const [key, member] of Object.entries(changes)) {
      if (member === null) document.delete(key);
      else if (!isJsonObject(member)) document.set(key, member);
      else {
        const before = document.get(key);
        const object = before instanceof Map ? before : new Map<string, JsonValue>();
        for (const [inner, set] of Object.entries(member)) {
          if (set === null) object.delete(inner);
          else object.set(inner, set);
        }
        document.set(key, object);
      }
    }
  }

  const written = (document: Members): JsonObject =>
    Object.fromEntries(
      [...document].map(([key, member]) => [
        key,
        member instanceof Map ? Object.fromEntries(member) : member,
      ]),
    );

  it('leave in force what the whole document says, also over restarts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(anyChange, fc.boolean()), { minLength: 1, maxLength: 12 }),
        async (changes) => {
          await sync.stop();
          rmSync(file(), { force: true });
          await start();
          link.twin({ $version: 1 });
          const document: Members = new Map();
          for (const [index, [patched, restarts]] of changes.entries()) {
            change(document, patched);
            await clock.advance(pauseMs);
            patch(index + 2, patched);
            const { problems, settings } = evaluateTwin(written(document), undefined);
            const expected = {
              interval: settings.highPriorityMessageFrequency.text,
              version: index + 2,
              rejected: problems.map(({ key }) => key),
            };
            expect(applied.at(-1)).toEqual(expected);
            if (!restarts) continue;
            await sync.stop();
            await start();
            expect(applied).toEqual([expected]);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
