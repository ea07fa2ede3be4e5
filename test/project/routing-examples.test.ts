import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  applicationProperties,
  envelopeText,
  systemProperties,
  type OutgoingMessage,
} from '../../agent/hub/message.js';
import { standardModuleId } from '../../agent/identity/credentials/credentials.js';
import { securityEvent } from '../../agent/pipeline/event.js';
import { aggregateDetails, commonDetails } from '../../contract/common-details.js';
import type { EventDeclaration } from '../../contract/declaration.js';
import { events } from '../../contract/events.js';

const examples = join(import.meta.dirname, '..', '..', 'examples');
const read = (path: string): string => readFileSync(join(examples, path), 'utf8');

const message: OutgoingMessage = {
  body: '',
  messageId: 'id',
  priority: 'High',
  creationTimeUtc: '2026-01-02T03:04:05.000Z',
  hubResourceId: 'factory-north',
  securityMarker: false,
};

/** What a hub knows of a message when it asks the routes; the names of system properties are those of its documentation. */
function propertiesOf(sent: OutgoingMessage, moduleId: string): Readonly<Record<string, unknown>> {
  const system = systemProperties(sent);
  return {
    ...applicationProperties(sent),
    $connectionModuleId: moduleId,
    $contentType: system['$.ct'],
    $contentEncoding: system['$.ce'],
  };
}

/** Of the query language what the examples use: equalities, joined by AND. */
function matches(condition: string, properties: Readonly<Record<string, unknown>>): boolean {
  return condition.split(' AND ').every((term) => {
    const [, name, value] = /^(\$?\w+) = '([^']*)'$/.exec(term) ?? [];
    if (name === undefined) throw new Error(`not understood: ${term}`);
    return properties[name] === value;
  });
}

interface Route {
  readonly name: string;
  readonly source: string;
  readonly condition: string;
}

describe('a route of the examples', () => {
  const routes = JSON.parse(read('hub-routes.json')) as readonly Route[];
  const page = readFileSync(join(examples, '..', 'docs', 'routing.md'), 'utf8');
  const inPage = [...page.matchAll(/`([^`\n]*\$connectionModuleId = [^`\n]*)`/g)].map(
    ([, condition = '']) => ({ name: condition, source: 'DeviceMessages', condition }),
  );

  it.each([...routes, ...inPage])('$name takes what the agent sends', ({ condition, source }) => {
    expect(source).toBe('DeviceMessages');
    expect(matches(condition, propertiesOf(message, standardModuleId))).toBe(true);
  });

  it.each(routes)('$name takes nothing of another module', ({ condition }) => {
    expect(matches(condition, propertiesOf(message, 'camera'))).toBe(false);
  });

  it('takes what is urgent alone', () => {
    const high = routes.find(({ name }) => name === 'security-high');
    const low = propertiesOf({ ...message, priority: 'Low' }, standardModuleId);
    expect(matches(high?.condition ?? '', low)).toBe(false);
  });
});

/** Of the documentation of Azure Monitor, apart from those that the service itself adds. */
const columns = [
  'AgentVersion',
  'AssociatedResourceId',
  'AzureSubscriptionId',
  'DeviceId',
  'EventDetails',
  'IoTRawEventId',
  'IsEmpty',
  'RawEventCategory',
  'RawEventName',
  'RawEventType',
  'TimeGenerated',
  'TimeStamp',
];

const envelope = JSON.parse(
  envelopeText({ agentVersion: '', agentId: '', hubResourceId: '', securityMarker: false }).join(
    '',
  ),
) as object;

describe('the table of the examples', () => {
  const definition = read('kusto/SecurityIoTRawEvent.kql');

  it('has the columns of the retired one', () => {
    const [, projection = ''] = /\| project\n([^}]*)\}/.exec(definition) ?? [];
    const names = projection.split(/,\n/).map((line) => /^\s*(\w+)/.exec(line)?.[1]);
    expect([...names].sort()).toEqual(columns);
  });

  it('is made of what messages and events have', () => {
    const event = securityEvent({ name: 'Login', payloads: [], timeMs: 0 });
    const asked = (of: string): string[] =>
      [...definition.matchAll(new RegExp(`\\b${of}\\.(\\w+)`, 'g'))].map(([, name = '']) => name);
    for (const name of asked('Body')) expect(envelope).toHaveProperty(name);
    for (const name of asked('Event')) expect(event).toHaveProperty(name);
    expect(asked('Event').length).toBeGreaterThan(6);
  });

  it('is filled by a mapping whose columns it has', () => {
    const [, table = ''] = /create table IoTSecurityMessages \(([^)]*)\)/.exec(definition) ?? [];
    const [, mapping = '[]'] = /'(\[.*\])'/.exec(definition) ?? [];
    const mapped = (JSON.parse(mapping) as readonly { column: string }[]).map(
      ({ column }) => column,
    );
    expect(mapped).toEqual([...table.matchAll(/(\w+):/g)].map(([, name]) => name));
  });
});

describe('a query of the examples', () => {
  const declarations: Readonly<Record<string, EventDeclaration>> = events;
  const queries = read('kusto/queries.kql')
    .split(/\n(?=\/\/)/)
    .map((text) => ({ text, title: text.split('\n', 1)[0] ?? '' }))
    .filter(({ text }) => text.includes('SecurityIoTRawEvent()'));

  it('is there', () => expect(queries.length).toBe(7));

  it.each(queries)('$title asks for what the contract has', ({ text }) => {
    const [name = '', ...others] = new Set(
      [...text.matchAll(/RawEventName == "(\w+)"/g)].map(([, event = '']) => event),
    );
    expect(others).toEqual([]);
    const declaration = declarations[name];
    if (declaration === undefined) expect.unreachable(name);
    const details = {
      ...declaration.details,
      ...declaration.caveats,
      ...aggregateDetails,
      ...commonDetails,
    };
    for (const [, field = '', detail] of text.matchAll(/\bevent\.(\w+)(?:\.(\w+))?/g)) {
      if (field === 'ExtraDetails') expect(details).toHaveProperty(detail ?? '');
      else expect(declaration.fields).toHaveProperty(field);
    }
  });

  it.each(queries)('$title compares with values that there are', ({ text }) => {
    const [, name = ''] = /RawEventName == "(\w+)"/.exec(text) ?? [];
    for (const [, field = '', value] of text.matchAll(/event\.(\w+)\) [=!]= "([^"]*)"/g)) {
      const kind: unknown = declarations[name]?.fields[field]?.kind;
      if (Array.isArray(kind)) expect(kind).toContain(value);
    }
  });

  it.each(queries)('$title uses columns that the table has', ({ text }) => {
    const used = [
      ...text.matchAll(/\b(RawEvent\w*|IoTRaw\w*|IsEmpty|EventDetails|TimeStamp|DeviceId)\b/g),
    ];
    for (const [, column] of used) expect(columns).toContain(column);
  });
});

describe('what takes messages apart elsewhere', () => {
  const event = securityEvent({ name: 'OSBaseline', payloads: [], timeMs: 0 });

  it('asks Splunk for members that there are', () => {
    const text = read('splunk.spl');
    expect(envelope).toHaveProperty('Events');
    for (const [, name = ''] of text.matchAll(/input=event path=(\w+)/g))
      expect(event).toHaveProperty(name);
    const shown = /\| table (.*)/.exec(text)?.[1]?.split(' ') ?? [];
    const known = { ...envelope, ...event, ...events.OSBaseline.fields };
    expect(shown.length).toBeGreaterThan(3);
    for (const name of shown) expect(known).toHaveProperty(name);
  });

  it('asks Logstash for members that there are', () => {
    const asked = [...read('logstash.conf').matchAll(/\[Events\]\[(\w+)\]/g)];
    expect(asked.length).toBeGreaterThan(2);
    for (const [, name = ''] of asked) expect(event).toHaveProperty(name);
  });
});
