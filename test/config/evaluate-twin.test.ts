import fc from 'fast-check';
import { expect, test } from 'vitest';
import { duration } from '../../base/duration.js';
import type { JsonObject, JsonValue } from '../../base/json.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import type { Evaluation } from '../../config/evaluate-twin.js';
import { configurationObjectName, twinSettings } from '../../config/twin-settings.js';
import type { TwinKey, TwinSettings } from '../../config/twin-settings.js';
import publicSchema from './cases/public-twin-schema.json' with { type: 'json' };
import { anyCharacter } from '../support/texts.js';

const evaluate = (object: JsonValue, previous?: TwinSettings): Evaluation =>
  evaluateTwin({ [configurationObjectName]: object, $version: 7 }, previous);
const set = (values: Record<string, JsonValue>): JsonObject =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value }]));
const defaults = evaluateTwin({}, undefined).settings;

test('without a configuration object every setting has the default of the public schema', () => {
  for (const desired of [
    {},
    { [configurationObjectName]: null },
    { [configurationObjectName]: {} },
  ]) {
    const { reported, problems } = evaluateTwin(desired, undefined);
    expect(problems).toEqual([]);
    expect(reported).toMatchObject(set(publicSchema.defaults));
  }
  expect(configurationObjectName).toBe(publicSchema.objectName);
});

test('every setting is reported in the shape of the contract, one without a value as null', () => {
  const { reported } = evaluate({});
  expect(Object.keys(reported)).toEqual(Object.keys(twinSettings));
  const empty = [
    'eventPriorityOperational',
    'baselineCustomChecksFilePath',
    'baselineCustomChecksFileHash',
    'baselineChecksDisabled',
    'baselineGroupsDisabled',
    'hardwareVendor',
    'hardwareModel',
    'hardwareSerialNumber',
    'firmwareVendor',
    'firmwareVersion',
    'fileChangePaths',
    'detectionValues',
    'detectionRules',
    'detectionDisabled',
    'detectionLevels',
    'detectionAllowedProcesses',
    'detectionAllowedUsers',
    'detectionAllowedAddresses',
  ];
  for (const [key, value] of Object.entries(reported)) {
    if (empty.includes(key)) expect(value).toBeNull();
    else expect(value).toEqual({ value: expect.anything() as unknown });
  }
  expect(reported['hubResourceId']).toEqual({ value: '' });
});

test.each([
  ['missing', {}],
  ['null', { snapshotFrequency: null }],
  ['a null value', set({ snapshotFrequency: null })],
])('a key that is %s goes back to its default', (_, object) => {
  const previous = evaluate(set({ snapshotFrequency: 'PT1H' })).settings;
  const { settings, problems } = evaluate(object, previous);
  expect(settings.snapshotFrequency.text).toBe('PT13H');
  expect(problems).toEqual([]);
});

test.each<[string, TwinKey, JsonValue]>([
  ['a scalar instead of an object', 'snapshotFrequency', 'PT1H'],
  ['a list instead of an object', 'snapshotFrequency', [{ value: 'PT1H' }]],
  ['an object without a value', 'snapshotFrequency', {}],
  ['a number for a duration', 'snapshotFrequency', { value: 5 }],
  ['a negative duration', 'snapshotFrequency', { value: '-PT5M' }],
  ['a fraction for an integer', 'maxMessageSizeInBytes', { value: 8192.5 }],
  ['words for an integer', 'maxMessageSizeInBytes', { value: '8 kB' }],
  ['an unknown priority', 'eventPriorityLogin', { value: 'Medium' }],
  ['a number for a boolean', 'aggregationEnabledProcessCreate', { value: 1 }],
  ['a relative path', 'baselineCustomChecksFilePath', { value: 'checks.xml' }],
  ['a short hash', 'baselineCustomChecksFileHash', { value: 'abc' }],
  ['a control character', 'hubResourceId', { value: 'a\nb' }],
  ['half a character, which no topic can carry', 'hubResourceId', { value: 'a\ud800b' }],
  ['what no property of a message holds', 'hubResourceId', { value: '/resourceGroups/grün' }],
  ['the whole of the file system', 'fileChangePaths', { value: '/' }],
  ['a path with a way up', 'fileChangePaths', { value: '/opt/../etc' }],
  ['a path of the kernel', 'fileChangePaths', { value: '/opt/app,/proc/sys' }],
  ['a path that is not absolute', 'fileChangePaths', { value: '/opt,srv' }],
  ['more paths than are watched', 'fileChangePaths', { value: '/a,'.repeat(32) + '/b' }],
  ['half a character in a path', 'baselineCustomChecksFilePath', { value: '/a\ud800b' }],
  ['an object for a text', 'hubResourceId', { value: { value: 'x' } }],
])('%s is rejected alone, and the last good value stays', (_, key, written) => {
  const good = set({
    snapshotFrequency: 'PT2H',
    maxMessageSizeInBytes: 40960,
    eventPriorityLogin: 'Low',
    aggregationEnabledProcessCreate: false,
    baselineCustomChecksFilePath: '/etc/checks.xml',
    baselineCustomChecksFileHash: 'a'.repeat(64),
    hubResourceId: '/subscriptions/1',
    fileChangePaths: '/opt/app',
    lowPriorityMessageFrequency: 'PT3H',
  });
  const previous = evaluate(good).settings;
  const next = set({ highPriorityMessageFrequency: 'PT1M' });
  const { settings, problems, reported } = evaluate({ ...good, ...next, [key]: written }, previous);
  expect(settings).toEqual({
    ...previous,
    highPriorityMessageFrequency: { text: 'PT1M', ms: 60_000 },
  });
  expect(problems).toMatchObject([{ key, errorType: 'TypeMismatch' }]);
  expect(problems[0]?.reason).toMatch(new RegExp(`^${key} is .*must be .* is used\\.$`));
  expect(reported[key]).toEqual(good[key]);
  // Without a last good value, the default is used.
  expect(evaluate({ [key]: written }).settings[key]).toEqual(defaults[key]);
});

test.each<[TwinKey, JsonValue, string | number]>([
  ['snapshotFrequency', 'PT0S', 'PT1S'],
  ['snapshotFrequency', 'PT0.999S', 'PT1S'],
  ['snapshotFrequency', 'P2Y', 'P365D'],
  ['snapshotFrequency', `P${'9'.repeat(60)}Y`, 'P365D'],
  ['maxMessageSizeInBytes', 1, 8192],
  ['maxMessageSizeInBytes', -5, 8192],
  ['maxMessageSizeInBytes', '300000', 262_144],
  ['maxMessageSizeInBytes', 1e300, 262_144],
])('%s of %j is clamped, and reported as clamped', (key, written, used) => {
  const { reported, problems } = evaluate(
    set({ [key]: written, lowPriorityMessageFrequency: 'P365D' }),
  );
  expect(reported[key]).toEqual({ value: used });
  expect(problems).toMatchObject([{ key, errorType: 'NotOptimal', used: `${used}` }]);
});

test.each<[TwinKey, JsonValue, JsonValue]>([
  ['maxLocalCacheSizeInBytes', '1048576', 1_048_576],
  ['eventPriorityLogin', 'hIGH', 'High'],
  ['eventPriorityLogin', 'off', 'Off'],
  ['aggregationEnabledProcessCreate', 'False', false],
  ['aggregationEnabledProcessCreate', 'true', true],
])('%s is lenient about %j', (key, written, used) => {
  const { reported, problems } = evaluate(set({ [key]: written }));
  expect(reported[key]).toEqual({ value: used });
  expect(problems).toEqual([]);
});

test.each(['PT720H', 'P1M', 'PT0060M', 'P0.5D', 'PT90,5M', 'P1W', 'P365D', 'PT1S'])(
  '%s is echoed exactly as written',
  (text) => {
    const { reported, problems } = evaluate(set({ aggregationIntervalProcessCreate: text }));
    expect(reported['aggregationIntervalProcessCreate']).toEqual({ value: text });
    expect(problems).toEqual([]);
  },
);

const operational = [
  'eventPriorityConfigurationError',
  'eventPriorityDroppedEventsStatistics',
  'eventPriorityMessageStatistics',
] as const;

test('eventPriorityOperational applies to the operational keys that are not set themselves', () => {
  const object = set({ eventPriorityOperational: 'off', eventPriorityMessageStatistics: 'High' });
  const { settings, reported } = evaluate(object);
  expect(operational.map((key) => settings[key])).toEqual(['Off', 'Off', 'High']);
  expect(settings.eventPriorityLogin).toBe('High');
  expect(reported['eventPriorityOperational']).toEqual({ value: 'Off' });
  const without = evaluate({}, settings);
  expect(operational.map((key) => without.settings[key])).toEqual(['Low', 'Low', 'Low']);
});

test.each<[Record<string, JsonValue>, TwinKey, string, string]>([
  [{ maxLocalCacheSizeInBytes: 8192 }, 'maxLocalCacheSizeInBytes', 'Conflict', '8192'],
  [{ maxMessageSizeInBytes: 10_000 }, 'maxMessageSizeInBytes', 'NotOptimal', '10000'],
  [{ highPriorityMessageFrequency: 'PT6H' }, 'highPriorityMessageFrequency', 'Conflict', 'PT6H'],
  [{ lowPriorityMessageFrequency: 'PT1M' }, 'highPriorityMessageFrequency', 'Conflict', 'PT7M'],
])('%j is in force, and told to be unwise', (values, key, errorType, used) => {
  const { reported, problems } = evaluate(set(values));
  expect(problems).toMatchObject([{ key, errorType, used }]);
  expect(reported).toMatchObject(set(values));
});

test('equal intervals, and room for just one message, are no conflict', () => {
  const values = {
    highPriorityMessageFrequency: 'PT60M',
    lowPriorityMessageFrequency: 'PT1H',
    maxLocalCacheSizeInBytes: 40_960,
    maxMessageSizeInBytes: 40_960,
  };
  expect(evaluate(set(values)).problems).toEqual([]);
});

test('the length of a text is counted in characters, as a schema counts it', () => {
  const longest = `/${'😀'.repeat(1023)}`;
  const path = (value: string) => evaluate(set({ baselineCustomChecksFilePath: value }));
  expect(path(longest).settings.baselineCustomChecksFilePath).toBe(longest);
  expect(path(`${longest}x`).problems).toHaveLength(1);
});

test.each([5, 'text', true, ['PT1H']])(
  'a configuration object that is %j changes nothing, and is told by name',
  (object) => {
    const previous = evaluate(set({ snapshotFrequency: 'PT1H' })).settings;
    const kept = evaluate(object, previous);
    expect(kept.settings).toEqual(previous);
    expect(kept.problems).toMatchObject([
      { key: configurationObjectName, errorType: 'TypeMismatch' },
    ]);
    expect(evaluate(object).settings).toEqual(defaults);
  },
);

test('unknown keys are ignored but listed, printable and bounded', () => {
  const { unknownKeys, problems, settings } = evaluate({
    ['x\u001b[2J']: 1,
    toString: 2,
    eventPriorityFoo: {},
  });
  expect(unknownKeys).toEqual(['x\\u{1b}[2J', 'toString', 'eventPriorityFoo']);
  expect(problems).toEqual([]);
  expect(settings).toEqual(defaults);
  const many = Object.fromEntries(
    Array.from({ length: 1000 }, (_, i) => [`key${i}`.repeat(50), 1]),
  );
  expect(evaluate(many).unknownKeys).toHaveLength(32);
  expect(evaluate(many).unknownKeys.every((key) => key.length <= 64)).toBe(true);
});

test('the object may have another name', () => {
  const { settings } = evaluateTwin(
    { mine: set({ snapshotFrequency: 'PT1H' }) },
    undefined,
    'mine',
  );
  expect(settings.snapshotFrequency.text).toBe('PT1H');
  expect(evaluateTwin({}, undefined, 'constructor').problems).toEqual([]);
});

const keys = Object.keys(twinSettings) as TwinKey[];
const anyKey = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<string>(...keys) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('__proto__', 'constructor', 'hasOwnProperty', 'value', ''),
  },
  { weight: 1, arbitrary: fc.string({ unit: anyCharacter }) },
);
const anyValue: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(
    'PT1S',
    'PT0S',
    'P9999Y',
    'High',
    'off',
    'true',
    '9000',
    -1,
    1e308,
    8192,
    true,
    null,
    '/a\u0000b',
  ),
  fc.string({ unit: anyCharacter, maxLength: 300 }),
  fc.jsonValue() as fc.Arbitrary<JsonValue>,
);
const anyObject = fc.dictionary(
  anyKey,
  fc.oneof(
    anyValue,
    anyValue.map((value) => ({ value })),
  ),
) as fc.Arbitrary<JsonObject>;

test('no document throws, and whatever comes of it is complete, bounded and printable', () => {
  fc.assert(
    fc.property(fc.oneof(anyObject, anyValue), fc.option(anyObject), (object, before) => {
      const previous = before === null ? undefined : evaluate(before).settings;
      const { settings, problems, reported } = evaluate(object, previous);
      expect(Object.keys(settings)).toEqual(keys);
      expect(Object.keys(reported)).toEqual(keys);
      for (const setting of Object.values(twinSettings)) {
        if (setting.kind !== 'duration') continue;
        const key = keys.find((candidate) => twinSettings[candidate] === setting);
        const { ms } = settings[key as 'snapshotFrequency'];
        expect(ms).toBeGreaterThanOrEqual(duration(setting.minimum).ms);
        expect(ms).toBeLessThanOrEqual(duration(setting.maximum).ms);
      }
      for (const { reason } of problems) {
        expect(reason.length).toBeLessThanOrEqual(200);
        expect(reason).not.toMatch(/[\p{Cc}\p{Cs}]/u);
      }
    }),
    { numRuns: 1000 },
  );
});

test('an object nested a hundred thousand deep is rejected like any other wrong value', () => {
  let deep: JsonValue = 1;
  for (let level = 0; level < 100_000; level += 1) deep = { value: deep };
  expect(evaluate({ hubResourceId: deep }).problems).toHaveLength(1);
  expect(evaluate(deep).settings).toEqual(defaults);
});

test('a change of one key leaves all other keys as they were', () => {
  const independent = keys.filter((key) => key !== 'eventPriorityOperational');
  fc.assert(
    fc.property(anyObject, fc.constantFrom(...independent), anyValue, (object, key, value) => {
      const before = evaluate(object).settings;
      const after = evaluate({ ...object, [key]: { value } }, before).settings;
      expect({ ...after, [key]: null }).toEqual({ ...before, [key]: null });
    }),
    { numRuns: 500 },
  );
});

test('what is reported, desired again, is in force without a problem of type', () => {
  fc.assert(
    fc.property(anyObject, (object) => {
      const { settings, reported } = evaluate(object);
      const again = evaluate(reported);
      expect(again.settings).toEqual(settings);
      expect(again.problems.filter(({ errorType }) => errorType === 'TypeMismatch')).toEqual([]);
    }),
  );
});

test('of the settings of detection the wrong one is rejected alone, with what is wrong in it', () => {
  const { problems, settings } = evaluate(
    set({
      detectionDisabled: 'a, b',
      detectionLevels: { a: 'high', gone: null },
      detectionValues: { a: { users: ['root', 'x, y'] }, b: { users: 5 } },
      detectionRules: { one: 'x'.repeat(9000), two: 'x'.repeat(9000) },
      detectionAllowedUsers: ['ok', ''],
    }),
  );
  expect(settings.detectionDisabled).toEqual(['a', 'b']);
  expect(settings.detectionLevels).toEqual({ a: 'high' });
  expect(problems.map(({ errorType, key, used }) => [key, errorType, used])).toEqual([
    ['detectionValues', 'TypeMismatch', '0 members'],
    ['detectionRules', 'TypeMismatch', '0 members'],
    ['detectionAllowedUsers', 'TypeMismatch', ''],
  ]);
  const reasons = problems.map(({ reason }) => reason).join('\n');
  for (const said of ['"b"', 'at most 16384 bytes', 'number 2 is none'])
    expect(reasons).toContain(said);
});
