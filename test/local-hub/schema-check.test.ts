import { describe, expect, it } from 'vitest';
import { isSecurityMessage, SchemaCheck } from '../../local-hub/schema-check.js';
import { processCreateMessage } from './support/security-message.js';

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
