import { durationPattern, longestDurationText } from '../base/duration.js';
import type { JsonObject, JsonValue } from '../base/json.js';
import { priorities } from '../contract/priority.js';
import { companions, identityWays, type IdentityKey, type IdentityWay } from './identity-ways.js';
import { localSettings } from './local-settings.js';
import { partedList } from './parted-list.js';
import { longestPattern } from './read-setting.js';
import type { Member, Setting } from './setting.js';
import { configurationObjectName, twinSettings } from './twin-settings.js';

const dialect = 'http://json-schema.org/draft-07/schema#';

/**
 * What a value must look like to be in force as written. A schema cannot compare durations, nor numbers written as
 * text, with their bounds: those are left to the agent.
 */
function valueSchema(setting: Setting | Member, lenient: boolean): JsonObject {
  switch (setting.kind) {
    case 'duration':
      return { type: 'string', pattern: durationPattern, maxLength: longestDurationText };
    case 'integer': {
      const { minimum, maximum } = setting;
      const number = { type: 'integer', minimum, maximum };
      return lenient ? either(number, { type: 'string', pattern: '^-?[0-9]{1,20}$' }) : number;
    }
    case 'boolean':
      return lenient
        ? either({ type: 'boolean' }, anyCase(['true', 'false']))
        : { type: 'boolean' };
    case 'priority':
      return either({ enum: priorities }, anyCase(priorities));
    case 'choice':
      return { enum: setting.values };
    case 'string': {
      const { pattern, maxLength } = setting.format;
      return { type: 'string', pattern, maxLength };
    }
    case 'names':
      return { type: 'array', maxItems: setting.values.length, items: { enum: setting.values } };
    case 'patterns': {
      const items = { type: 'string', format: 'regex', minLength: 1, maxLength: longestPattern };
      return { type: 'array', maxItems: setting.maxItems, items };
    }
    case 'texts': {
      const { item, pattern } = partedList(setting);
      const items = { type: 'string', pattern: item };
      const list = { type: 'array', maxItems: setting.maxItems, items };
      return lenient ? either(list, { type: 'string', pattern }) : list;
    }
    case 'record': {
      const { maxMembers, member, names } = setting;
      return {
        type: 'object',
        maxProperties: maxMembers,
        propertyNames: { pattern: names.pattern, maxLength: names.maxLength },
        additionalProperties: either(valueSchema(member, lenient), { type: 'null' }),
      };
    }
  }
}

function either(...schemas: readonly JsonObject[]): JsonObject {
  return { anyOf: schemas };
}

function anyCase(words: readonly string[]): JsonObject {
  const letters = (word: string): string =>
    word.replace(/[a-z]/gi, (letter) => `[${letter.toUpperCase()}${letter.toLowerCase()}]`);
  return { type: 'string', pattern: `^(${words.map(letters).join('|')})$` };
}

function annotations(setting: Setting): JsonObject {
  const standard = 'default' in setting ? { default: setting.default as JsonValue } : {};
  return { description: setting.meaning, ...standard };
}

/** The schema of a desired document: what is valid under it is in force as written, apart from the bounds above. */
export function twinSchema(): JsonObject {
  const properties = Object.entries<Setting>(twinSettings).map(([key, setting]) => {
    const value = either(valueSchema(setting, true), { type: 'null' });
    const schema = {
      ...annotations(setting),
      type: ['object', 'null'],
      properties: { value },
      required: ['value'],
    };
    return [key, schema] as const;
  });
  const configuration = { type: ['object', 'null'], properties: Object.fromEntries(properties) };
  return {
    $schema: dialect,
    title: 'Desired properties of the security module',
    type: 'object',
    properties: { [configurationObjectName]: configuration },
  };
}

/** The schema of the local file. */
export function localSchema(): JsonObject {
  return {
    $schema: dialect,
    title: 'Local settings of the security agent',
    ...objectSchema(localSettings),
    required: ['identity'],
    dependencies: Object.fromEntries(
      Object.entries(companions).map(([key, needed]) => [key, [needed]]),
    ),
  };
}

function objectSchema(table: Readonly<Record<string, Setting>>): JsonObject {
  const properties: Record<string, JsonValue> = {};
  for (const [key, setting] of Object.entries(table)) {
    const [name = '', ...rest] = key.split('.');
    if (rest.length === 0) {
      properties[name] = { ...annotations(setting), ...valueSchema(setting, false) };
    } else if (!Object.hasOwn(properties, name)) {
      properties[name] = {
        ...objectSchema(under(table, name)),
        ...(name === 'identity' ? who : {}),
      };
    }
  }
  return { type: 'object', properties, additionalProperties: false };
}

function under(
  table: Readonly<Record<string, Setting>>,
  name: string,
): Readonly<Record<string, Setting>> {
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, setting]) =>
      key.startsWith(`${name}.`) ? [[key.slice(name.length + 1), setting]] : [],
    ),
  );
}

/** Together they are what `identityFaults` accepts. */
function waySchema({ mode, needs, takes }: IdentityWay): JsonObject {
  const others = identityKeys.filter((key) => !needs.includes(key) && !takes.includes(key));
  const has = (key: string): JsonObject => {
    const [name = '', inner] = key.split('.');
    if (inner === undefined) return { required: [name] };
    const within = { type: 'object', required: [inner] };
    return { required: [name], properties: { [name]: within } };
  };
  return {
    properties: { mode: { const: mode } },
    // The mode of a file that names none.
    ...(mode === localSettings['identity.mode'].default ? {} : { required: ['mode'] }),
    ...(needs.length === 0 ? {} : { allOf: needs.map(has) }),
    not: { anyOf: others.map(has) },
  };
}

const identityKeys = Object.keys(localSettings).flatMap((key) =>
  key.startsWith('identity.') && key !== 'identity.mode' ? [key.slice('identity.'.length)] : [],
) as readonly IdentityKey[];

const who: JsonObject = { anyOf: identityWays.map(waySchema) };
