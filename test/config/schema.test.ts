import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDuration } from '../../base/duration.js';
import { isJsonObject } from '../../base/json.js';
import type { JsonObject, JsonValue } from '../../base/json.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import { generatedFiles } from '../../config/generate.js';
import { localSchema, twinSchema } from '../../config/json-schema.js';
import { localSettings } from '../../config/local-settings.js';
import { parseLocalSettings } from '../../config/parse-local-settings.js';
import type { Setting } from '../../config/setting.js';
import { configurationObjectName, twinSettings } from '../../config/twin-settings.js';
import type { TwinKey } from '../../config/twin-settings.js';
import publicSchema from './cases/public-twin-schema.json' with { type: 'json' };

const ajv = new Ajv({ strict: true, allowUnionTypes: true, strictRequired: false });
addFormats.default(ajv);
const validTwin = ajv.compile(twinSchema());
const validLocal = ajv.compile(localSchema());

test.each(Object.entries(generatedFiles()))(
  '%s is what the declarations say (else run: npm run generate)',
  (path, text) => {
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(text);
  },
);

test('every setting is in the reference, with one sentence', () => {
  const page = generatedFiles()['config/reference.generated.md'];
  for (const [key, { meaning }] of Object.entries({ ...localSettings, ...twinSettings })) {
    expect(page).toContain(`| \`${key}\` |`);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  }
});

test('the bounds are those of the public schema', () => {
  const table: Record<string, Setting> = twinSettings;
  expect(table).toMatchObject(
    Object.fromEntries(
      Object.entries(publicSchema.minimums).map(([key, minimum]) => [key, { minimum }]),
    ),
  );
  expect(table).toMatchObject(
    Object.fromEntries(
      Object.entries(publicSchema.maximums).map(([key, maximum]) => [key, { maximum }]),
    ),
  );
});

test('the defaults are valid under the schema that declares them', () => {
  const values = Object.fromEntries(
    Object.entries<Setting>(twinSettings).map(([key, setting]) => [
      key,
      { value: setting.default },
    ]),
  );
  expect(validTwin({ [configurationObjectName]: values })).toBe(true);
});

const words = [
  'PT1S',
  'P1W',
  'PT0.5H',
  'P1DT',
  'PT1.5H1M',
  'PT0S',
  'P2Y',
  'High',
  'hiGh',
  'OFF',
  'Medium',
  'true',
  'False',
  'yes',
  '8192',
  '-8192',
  '1e4',
  '',
  '/etc/x',
  'etc/x',
  '/a\nb',
  'a'.repeat(64),
  'A'.repeat(65),
  `/${'x'.repeat(1023)}`,
  `/${'😀'.repeat(1023)}`,
  `/${'x'.repeat(4096)}`,
  'hub.example',
  'hub.example:8883',
  'hub:0',
  'hub:70000',
  '-hub',
  'a b',
  'module',
  'dps',
  'mqtt',
  'auto',
  'never',
  'polling',
  'info',
  'Info',
  'Triggered',
  'no.dots',
  '5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43',
  '5f8d9e0c3c1b4a6e9f270d2b6c1a7e43',
];
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(
    ...words,
    true,
    false,
    null,
    0,
    1,
    2.5,
    5000,
    8191,
    8192,
    262_144,
    262_145,
    1e18,
    [],
    {},
  ),
  fc.constantFrom<JsonValue>(
    ['a+'],
    ['('],
    [''],
    [1],
    Array.from({ length: 65 }, () => 'a'),
    { value: 1 },
    'a, b',
    'a,,b',
    ['a', 'b,c'],
    [' a'],
    ['a\nb'],
    ['x'.repeat(513)],
    { a: 'high' },
    { a: 'title: x\n', b: null },
    { 'a.b': 'high' },
    { a: { b: ['c', 'd, e'] } },
    { a: { b: 'c, d' } },
    { a: { b: [''] } },
    { a: { 'b c': ['d'] } },
    { a: null },
    Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`n${at}`, 'low'])),
  ),
  fc.integer(),
  fc.string({ unit: 'grapheme' }),
  fc.stringMatching(/^P(\d+[YMWD]){0,2}(T\d+(\.\d)?[HMS])?$/),
);

/** A schema cannot compare durations, or numbers written as text, with bounds. */
const beyondSchemas = (written: JsonValue): boolean =>
  typeof written === 'string' && (parseDuration(written) !== undefined || /^-?\d+$/.test(written));

test('a twin value is in force as written exactly when it is valid under the schema, as far as a schema can say', () => {
  const keys = Object.keys(twinSettings) as TwinKey[];
  fc.assert(
    fc.property(fc.constantFrom(...keys), value, fc.boolean(), (key, written, isWrapped) => {
      const member = isWrapped ? { value: written } : written;
      const desired = { [configurationObjectName]: { [key]: member } };
      const { problems, reported } = evaluateTwin(desired, undefined);
      const isRejected = problems.some(({ errorType }) => errorType === 'TypeMismatch');
      const inner = isJsonObject(member) ? member['value'] : undefined;
      const isClamped = typeof inner === 'number' && reported[key]?.value !== inner;
      const isValid = validTwin(desired);
      if (isRejected) expect(isValid).toBe(false);
      else if (!beyondSchemas(written)) expect(isValid).toBe(!isClamped);
      else expect(isValid).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

/** Puts a value where a dotted key says. */
function withKey(document: JsonObject, key: string, written: JsonValue | undefined): JsonObject {
  const [first = '', ...rest] = key.split('.');
  const inner = document[first];
  const member =
    rest.length === 0 ? written : withKey((inner ?? {}) as JsonObject, rest.join('.'), written);
  const others = Object.fromEntries(Object.entries(document).filter(([name]) => name !== first));
  return member === undefined ? others : { ...others, [first]: member };
}

const usable: JsonObject = {
  identity: { hostName: 'hub.example', deviceId: 'device', keyFile: '/etc/key' },
};

test('a local file is accepted exactly when it is valid under the schema, as far as a schema can say', () => {
  const key = fc.constantFrom(
    ...Object.keys(localSettings),
    ...[
      'audit',
      'identity',
      'identity.certificateFile',
      'auditt',
      'identity.keyfile',
      'constructor',
    ],
  );
  const outcomes = { accepted: 0, refused: 0 };
  const change = fc.record({ at: key, written: fc.option(value, { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const document = changes.reduce((it, { at, written }) => withKey(it, at, written), usable);
      const isAccepted = 'settings' in parseLocalSettings(JSON.stringify(document), 'agent.json');
      const isValid = validLocal(document);
      outcomes[isAccepted ? 'accepted' : 'refused'] += 1;
      const mayDiffer = changes.some(({ written = null }) => beyondSchemas(written));
      if (isAccepted || !mayDiffer) expect(isValid).toBe(isAccepted);
    }),
    { numRuns: 5000 },
  );
  expect(Math.min(outcomes.accepted, outcomes.refused)).toBeGreaterThan(100);
});
