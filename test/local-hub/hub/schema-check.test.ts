import { describe, expect, it } from 'vitest';
import { type EventDeclaration, optional, required } from '../../../contract/declaration.js';
import { isSecurityMessage, SchemaCheck } from '../../../local-hub/hub/schema-check.js';
import { processCreateMessage } from '../../support/security-message.js';

const schema = new SchemaCheck();

describe('a security message', () => {
  it('that fits the schema has no problem', () => {
    expect(schema.problems(processCreateMessage())).toEqual([]);
  });

  it.each([
    [
      'an unknown key in the envelope',
      { message: { Extra: 1 } },
      /^the message .*additional.*Extra/,
    ],
    ['an agent id that is no GUID', { message: { AgentId: 'x' } }, /^AgentId .*36/],
    [
      'a time without a zone',
      { event: { TimestampUTC: '2030-01-01T00:00:00' } },
      /^Events\/0\/TimestampUTC .*date-time/,
    ],
    ['an unknown event', { event: { Name: 'Nothing' } }, /^Events\/0 .*"Nothing"/],
    [
      'the wrong category',
      { event: { Category: 'Aggregated' } },
      /^Events\/0\/Category .*allowed values/,
    ],
    ['an empty payload', { event: { Payload: [] } }, /contradict/],
    [
      'a missing field',
      { payload: { Executable: undefined } },
      /^Events\/0\/Payload\/0 .*'Executable'/,
    ],
    [
      'a number in ExtraDetails',
      { payload: { ExtraDetails: { HitCount: 3 } } },
      /^Events\/0\/Payload\/0\/ExtraDetails\/HitCount .*string/,
    ],
  ])('with %s says what and where', (_name, change, sentence) => {
    const message: unknown = JSON.parse(JSON.stringify(processCreateMessage(change)));
    expect(schema.problems(message)).toContainEqual(expect.stringMatching(sentence));
  });

  it('that is nothing of the kind has problems too', () => {
    expect(schema.problems([])).not.toEqual([]);
    expect(schema.problems({ Events: 'x' })).not.toEqual([]);
    expect(schema.problems({ Events: [1] })).not.toEqual([]);
  });

  it('is known by its marker or by its body', () => {
    expect(
      isSecurityMessage(undefined, { '$.ifid': 'urn:azureiot:Security:SecurityAgent:1' }),
    ).toBe(true);
    expect(isSecurityMessage({ Events: [] }, {})).toBe(true);
    expect(isSecurityMessage({ temperature: 20 }, {})).toBe(false);
  });
});

describe('an event that the public schemas do not know', () => {
  const theirs: EventDeclaration = {
    category: 'Triggered',
    type: 'Security',
    priority: 'Low',
    noun: 'moods',
    meaning: 'The mood of the device.',
    oneOf: ['Colour', 'Since'],
    fields: {
      Mood: required(['Good', 'Bad'], 'How it is.'),
      Degree: required('integer', 'How much so.'),
      Colour: optional('string', 'Its colour.'),
      Since: optional('ip', 'Who made it so.'),
    },
  };
  const own = new SchemaCheck({ Mood: { ...theirs, ours: true } });
  const mood = { Mood: 'Good', Degree: 3, Colour: 'green', ExtraDetails: { Why: 'sun' } };
  const told = (payload: object): object =>
    processCreateMessage({ event: { Name: 'Mood', Payload: [payload] } });

  it('is valid where it is as it was declared', () => {
    expect(own.problems(told(mood))).toEqual([]);
    expect(own.problems(processCreateMessage())).toEqual([]);
  });

  it.each([
    ['a value off the list', { ...mood, Mood: 'Odd' }, /^Events\/0\/Payload\/0\/Mood .*Good/],
    ['a missing field', { ...mood, Degree: undefined }, /^Events\/0\/Payload\/0 .*'Degree'/],
    ['a field that is not declared', { ...mood, Age: 1 }, /^Events\/0\/Payload\/0 .*Age/],
    ['none of several', { ...mood, Colour: undefined }, /^Events\/0\/Payload\/0 .*'Colour'/],
    ['no address', { ...mood, Since: 'noon' }, /^Events\/0\/Payload\/0\/Since .*ipv4/],
  ])('with %s says what and where', (_name, payload, sentence) => {
    const message: unknown = JSON.parse(JSON.stringify(told(payload)));
    expect(own.problems(message)).toContainEqual(expect.stringMatching(sentence));
  });

  it('is no event where it is not declared as ours', () => {
    const undeclared = new SchemaCheck({ Mood: theirs });
    expect(undeclared.problems(told(mood))).toContainEqual(expect.stringMatching(/"Mood"/));
  });
});
