import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../base/json.js';
import { evaluateTwin, type Evaluation } from '../../config/evaluate-twin.js';
import { isIdle, microAgentSettings } from '../../config/micro-agent-settings.js';
import { earlyObjectName } from '../../config/twin-dialects.js';
import {
  configurationObjectName,
  type TwinKey,
  type TwinSettings,
  twinSettings,
} from '../../config/twin-settings.js';
import { anyCharacter } from '../support/texts.js';

const evaluate = (desired: JsonObject, previous?: TwinSettings): Evaluation =>
  evaluateTwin(desired, previous);
const wrapped = (values: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value }]));
const keysOf = ({ problems }: Evaluation): string[] => problems.map(({ key }) => key);

/** The documentation of the micro agent: every key with its default. */
const documented: JsonObject = {
  CollectorsCore_PriorityIntervals: '30,120,1440',
  Baseline_Disabled: false,
  Baseline_MessageFrequency: 'Low',
  Baseline_GroupsDisabled: '',
  Baseline_ChecksDisabled: '',
  SystemInformation_Disabled: false,
  SystemInformation_MessageFrequency: 'Low',
  SystemInformation_HardwareVendor: '',
  SystemInformation_HardwareModel: '',
  SystemInformation_HardwareSerialNumber: '',
  SystemInformation_FirmwareVendor: '',
  SystemInformation_FirmwareVersion: '',
  SBoM_Disabled: false,
  SBoM_MessageFrequency: 'Low',
  Heartbeat_Disabled: false,
  Heartbeat_MessageFrequency: 'Low',
  Login_Disabled: false,
  Login_MessageFrequency: 'Medium',
  Login_UsePAM: false,
  IothubModule_MessageTimeout: 2880,
  NetworkActivity_Disabled: false,
  NetworkActivity_MessageFrequency: 'Medium',
  NetworkActivity_Devices: 'eth0',
  NetworkActivity_CacheSize: 256,
  NetworkActivity_PacketBufferSize: 2_097_152,
  Process_Disabled: false,
  Process_MessageFrequency: 'Medium',
  Process_Mode: 1,
  Process_PollingInterval: 100_000,
  Process_CacheSize: 256,
  LogCollector_Disabled: false,
  LogCollector_MessageFrequency: 'Low',
  FileSystem_Disabled: false,
  FileSystem_MessageFrequency: 'Low',
  FileSystem_Paths: '',
  FileSystem_Recursive: true,
  FileSystem_CacheSize: 256,
  Peripheral_Disabled: false,
  Peripheral_MessageFrequency: 'Low',
  Peripheral_CacheSize: 256,
  Statistics_Disabled: false,
  Statistics_MessageFrequency: 'Low',
  Statistics_CacheSize: 256,
};

describe("the micro agent's settings", () => {
  it('are all known, and in force without a word when they are the documented defaults', () => {
    expect(Object.keys(microAgentSettings)).toEqual(Object.keys(documented));
    const { dialect, problems, reported, unknownKeys } = evaluate(documented);
    expect({ dialect, problems, unknownKeys }).toEqual({
      dialect: 'microAgent',
      problems: [],
      unknownKeys: [],
    });
    expect(reported).toMatchObject(
      wrapped({
        highPriorityMessageFrequency: 'PT30M',
        lowPriorityMessageFrequency: 'PT120M',
        snapshotFrequency: 'PT1440M',
        eventPriorityLogin: 'Low',
        eventPriorityListeningPorts: 'High',
      }),
    );
    expect(reported['hardwareVendor']).toBeNull();
    // Any one of them makes the others have these defaults.
    expect(evaluate({ Login_UsePAM: false }).settings).toEqual(evaluate(documented).settings);
  });

  it('switch off what they disable, choose the queue by the frequency, and set the intervals', () => {
    const { problems, reported } = evaluate({
      CollectorsCore_PriorityIntervals: ' 1, 5,60',
      Process_Disabled: 'TRUE',
      Process_MessageFrequency: 'High',
      Login_MessageFrequency: 'high',
      NetworkActivity_MessageFrequency: 'Low',
      Statistics_Disabled: true,
      SystemInformation_HardwareVendor: 'Contoso',
      Baseline_ChecksDisabled: '3.3.5,2.2.1.1',
    });
    expect(problems).toEqual([]);
    expect(reported).toMatchObject(
      wrapped({
        highPriorityMessageFrequency: 'PT1M',
        lowPriorityMessageFrequency: 'PT5M',
        snapshotFrequency: 'PT60M',
        eventPriorityProcessCreate: 'Off',
        eventPriorityProcessTerminate: 'Off',
        eventPriorityLogin: 'High',
        eventPriorityConnectionCreate: 'Low',
        eventPriorityDroppedEventsStatistics: 'Off',
        eventPriorityMessageStatistics: 'Off',
        hardwareVendor: 'Contoso',
        baselineChecksDisabled: '3.3.5,2.2.1.1',
      }),
    );
  });

  it.each<[string, JsonValue]>([
    ['CollectorsCore_PriorityIntervals', '30,120'],
    ['CollectorsCore_PriorityIntervals', '30,100,1440'],
    ['CollectorsCore_PriorityIntervals', '0,0,0'],
    ['CollectorsCore_PriorityIntervals', '1,1,525601'],
    ['CollectorsCore_PriorityIntervals', 30],
    ['CollectorsCore_PriorityIntervals', '30,120,1e9'],
    ['Login_Disabled', 'yes'],
    ['Login_Disabled', 1],
    ['Login_MessageFrequency', 'Sometimes'],
    ['Login_MessageFrequency', { value: 'High' }],
    ['SystemInformation_HardwareVendor', 'x'.repeat(257)],
    ['SystemInformation_HardwareVendor', 'a\nb'],
    ['Baseline_ChecksDisabled', ['3.3.5']],
    ['Process_Mode', 'fast'],
    ['FileSystem_Paths', {}],
    ['FileSystem_Recursive', 'no'],
    ['IothubModule_MessageTimeout', -1],
  ])('%s of %j is rejected alone and keeps what was in force', (key, written) => {
    const good: JsonObject = {
      CollectorsCore_PriorityIntervals: '2,4,8',
      Login_Disabled: false,
      Login_MessageFrequency: 'High',
      SystemInformation_HardwareVendor: 'Contoso',
      Baseline_ChecksDisabled: 'debugfs',
      Peripheral_Disabled: true,
    };
    const before = evaluate(good);
    expect(before.problems).toEqual([]);
    const after = evaluate({ ...good, [key]: written }, before.settings);
    expect(after.settings).toEqual(before.settings);
    expect(after.problems).toMatchObject([{ key, errorType: 'TypeMismatch' }]);
    expect(after.problems[0]?.reason).toMatch(new RegExp(`^${key} is .*must be `));
    // Without a last good value, the default.
    expect(evaluate({ [key]: written }).settings).toEqual(evaluate(documented).settings);
  });

  it('that were switched off stay so while the switch says nothing that can be understood', () => {
    const before = evaluate({ Login_Disabled: true, Login_MessageFrequency: 'High' });
    const after = evaluate(
      { Login_Disabled: 'x', Login_MessageFrequency: 'High' },
      before.settings,
    );
    expect(after.settings.eventPriorityLogin).toBe('Off');
    expect(after.problems).toMatchObject([{ key: 'Login_Disabled', used: 'true' }]);
  });

  it('that nothing here follows are told when they are not the default, and never otherwise', () => {
    for (const [key, setting] of Object.entries(microAgentSettings)) {
      if (!isIdle(setting)) continue;
      const { standard } = setting;
      const other =
        setting.kind === 'frequency'
          ? 'High'
          : typeof standard === 'number'
            ? standard + 1
            : typeof standard === 'boolean'
              ? !standard
              : '/somewhere';
      const { problems } = evaluate({ [key]: other });
      // What is not collected is disabled already.
      if (setting.kind === 'disabled') expect(problems).toEqual([]);
      else expect(problems).toMatchObject([{ key, errorType: 'NotOptimal', used: 'nothing' }]);
    }
  });

  it('that want snapshots more often are told that all share one interval', () => {
    expect(evaluate({ Baseline_MessageFrequency: 'High' }).problems).toMatchObject([
      { key: 'Baseline_MessageFrequency', errorType: 'NotOptimal', used: 'PT1440M' },
    ]);
    const off = { Baseline_MessageFrequency: 'High', Baseline_Disabled: true };
    expect(evaluate(off).problems).toEqual([]);
  });

  it('that are misspelt are listed, and members of others are not', () => {
    const desired = { Login_Disable: true, Login_UsePAM: false, mine: 1, other_Disabled: true };
    expect(evaluate(desired).unknownKeys).toEqual(['Login_Disable']);
    expect(evaluate({ Login_Disable: true }).dialect).toBe('none');
  });

  it('never throw, whatever they hold, and each reason is bounded and printable', () => {
    const anyValue = fc.oneof(
      fc.constantFrom<JsonValue>('High', 'true', '1,2,4', '', 0, -1, 1e308, true, null, [], {}),
      fc.string({ unit: anyCharacter, maxLength: 300 }),
      fc.jsonValue() as fc.Arbitrary<JsonValue>,
    );
    const anyTwin = fc.dictionary(
      fc.oneof(fc.constantFrom(...Object.keys(documented)), fc.string({ unit: anyCharacter })),
      anyValue,
    ) as fc.Arbitrary<JsonObject>;
    fc.assert(
      fc.property(anyTwin, anyTwin, (before, desired) => {
        const { problems, reported, settings } = evaluate(desired, evaluate(before).settings);
        expect(Object.keys(settings)).toEqual(Object.keys(twinSettings));
        for (const { reason } of problems) {
          expect(reason.length).toBeLessThanOrEqual(200);
          expect(reason).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        }
        expect(evaluate({ [configurationObjectName]: reported }).settings).toEqual(settings);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the configuration object under its name before July 2019', () => {
  it('is in force with bare values, integers as text, and values in objects', () => {
    const { dialect, problems, reported } = evaluate({
      [earlyObjectName]: {
        highPriorityMessageFrequency: 'PT2M',
        maxMessageSizeInBytes: '8192',
        maxLocalCacheSizeInBytes: 1_048_576,
        eventPriorityLogin: { value: 'off' },
        aggregationEnabledProcessCreate: false,
        hubResourceId: null,
      },
    });
    expect({ dialect, problems }).toEqual({ dialect: 'earlyContract', problems: [] });
    expect(reported).toMatchObject(
      wrapped({
        highPriorityMessageFrequency: 'PT2M',
        maxMessageSizeInBytes: 8192,
        maxLocalCacheSizeInBytes: 1_048_576,
        eventPriorityLogin: 'Off',
        aggregationEnabledProcessCreate: false,
      }),
    );
  });

  it('rejects a wrong value alone', () => {
    const twin = { [earlyObjectName]: { snapshotFrequency: 5, eventPriorityLogin: 'Low' } };
    const evaluation = evaluate(twin);
    expect(keysOf(evaluation)).toEqual(['snapshotFrequency']);
    expect(evaluation.settings.eventPriorityLogin).toBe('Low');
    expect(keysOf(evaluate({ [earlyObjectName]: 5 }))).toEqual([earlyObjectName]);
  });

  it('is the same when the local file names it', () => {
    const twin = { [earlyObjectName]: { snapshotFrequency: 'PT1H' } };
    const { dialect, settings } = evaluateTwin(twin, undefined, earlyObjectName);
    expect(dialect).toBe('earlyContract');
    expect(settings.snapshotFrequency.text).toBe('PT1H');
    // A twin that has moved on is understood as well.
    const moved = { [configurationObjectName]: wrapped({ snapshotFrequency: 'PT2H' }) };
    expect(evaluateTwin(moved, undefined, earlyObjectName)).toMatchObject({
      dialect: 'contract',
      settings: { snapshotFrequency: { text: 'PT2H' } },
    });
  });
});

describe('several dialects in one twin', () => {
  const contract = { [configurationObjectName]: wrapped({ snapshotFrequency: 'PT1H' }) };
  const early = { [earlyObjectName]: { snapshotFrequency: 'PT2H' } };
  const micro = { CollectorsCore_PriorityIntervals: '1,2,4' };

  it.each<[string, JsonObject, string, string]>([
    ['contract', { ...early, ...micro, ...contract }, 'PT1H', configurationObjectName],
    ['contract', { ...micro, ...contract }, 'PT1H', configurationObjectName],
    ['earlyContract', { ...micro, ...early }, 'PT2H', earlyObjectName],
  ])('%s wins, and that is told once', (dialect, desired, snapshots, key) => {
    const evaluation = evaluate(desired);
    expect(evaluation.dialect).toBe(dialect);
    expect(evaluation.settings.snapshotFrequency.text).toBe(snapshots);
    expect(evaluation.problems).toMatchObject([{ key, errorType: 'Conflict' }]);
    expect(evaluation.problems[0]?.reason).toMatch(/without effect: remove one of them\.$/);
  });

  it('what stands there as null does not stand there', () => {
    const desired = { ...micro, [configurationObjectName]: null, [earlyObjectName]: null };
    expect(evaluate(desired)).toMatchObject({ dialect: 'microAgent', problems: [] });
    expect(evaluate({ Login_Disabled: null })).toMatchObject({ dialect: 'none', problems: [] });
  });
});

const minutes = fc
  .tuple(
    fc.integer({ min: 1, max: 60 }),
    fc.integer({ min: 1, max: 24 }),
    fc.integer({ min: 1, max: 30 }),
  )
  .map(([high, medium, low]) => [high, high * medium, high * medium * low] as const);
const priority = fc.constantFrom('High', 'Low', 'Off');
const name = fc.string({
  unit: fc.constantFrom('a', 'Z', '0', '9', ' ', '.', '_', '-'),
  minLength: 1,
  maxLength: 20,
});

/** Each event that both know, by the collector of the micro agent. */
const collectors: Record<string, readonly string[]> = {
  Baseline: ['OSBaseline'],
  SystemInformation: ['SystemInformation'],
  Login: ['Login'],
  NetworkActivity: ['ConnectionCreate'],
  Process: ['ProcessCreate', 'ProcessTerminate'],
  FileSystem: ['FileChange'],
  LogCollector: ['Diagnostic'],
  Peripheral: ['ConnectedHardware'],
  Statistics: ['DroppedEventsStatistics', 'MessageStatistics'],
};
const texts: Record<string, TwinKey> = {
  Baseline_GroupsDisabled: 'baselineGroupsDisabled',
  Baseline_ChecksDisabled: 'baselineChecksDisabled',
  SystemInformation_HardwareVendor: 'hardwareVendor',
  SystemInformation_HardwareModel: 'hardwareModel',
  SystemInformation_HardwareSerialNumber: 'hardwareSerialNumber',
  SystemInformation_FirmwareVendor: 'firmwareVendor',
  SystemInformation_FirmwareVersion: 'firmwareVersion',
};

it('the same settings written in each dialect give the same settings in force', () => {
  const wanted = fc.record({
    intervals: minutes,
    priorities: fc.tuple(...Object.keys(collectors).map(() => priority)),
    values: fc.tuple(...Object.keys(texts).map(() => name)),
  });
  fc.assert(
    fc.property(wanted, fc.boolean(), ({ intervals, priorities, values }, asText) => {
      const ours: Record<string, JsonValue> = {
        highPriorityMessageFrequency: `PT${intervals[0]}M`,
        lowPriorityMessageFrequency: `PT${intervals[1]}M`,
        snapshotFrequency: `PT${intervals[2]}M`,
      };
      const theirs: Record<string, JsonValue> = {
        CollectorsCore_PriorityIntervals: intervals.join(','),
      };
      Object.entries(collectors).forEach(([collector, events], index) => {
        const wish = priorities[index] ?? 'Off';
        for (const event of events) ours[`eventPriority${event}`] = wish;
        theirs[`${collector}_Disabled`] = asText ? String(wish === 'Off') : wish === 'Off';
        theirs[`${collector}_MessageFrequency`] = wish === 'High' ? 'High' : 'Medium';
      });
      Object.entries(texts).forEach(([key, own], index) => {
        ours[own] = theirs[key] = values[index] ?? '';
      });
      ours['fileChangePaths'] = theirs['FileSystem_Paths'] = '/opt/app/config, /srv/rules.d/';
      ours['fileChangePathsRecursive'] = theirs['FileSystem_Recursive'] = asText;
      const contract = evaluate({ [configurationObjectName]: wrapped(ours) }).settings;
      expect(evaluate({ [earlyObjectName]: ours }).settings).toEqual(contract);
      expect(evaluate({ [earlyObjectName]: wrapped(ours) }).settings).toEqual(contract);
      expect(evaluate(theirs).settings).toEqual(contract);
    }),
    { numRuns: 300 },
  );
});
