import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  desired,
  deviceId,
  eventsOf,
  Fixture,
  payloadsOf,
  quick,
  startMarked,
} from '../support/running-agent.js';

let fixture: Fixture;

beforeEach(async () => {
  fixture = new Fixture();
  await fixture.startHub();
  fixture.configure();
});

afterEach(() => fixture.close());

describe('the running agent tells of itself', () => {
  it('each error of the configuration as a payload of its own, once for its version, also over a restart', async () => {
    const wrong = {
      maxMessageSizeInBytes: 100_000,
      maxLocalCacheSizeInBytes: 90_000,
      eventPriorityLogin: 'Sometimes',
    };
    fixture.hub.patchDesired(deviceId, desired({ ...quick, ...wrong }));
    await fixture.startAgent();
    const errors = () => payloadsOf(fixture.hub.messages, 'ConfigurationError');
    await fixture.hub.awaitMessages(() => errors().length >= 3, 10_000);
    const expected = [
      ['eventPriorityLogin', 'TypeMismatch'],
      ['maxLocalCacheSizeInBytes', 'Conflict'],
      ['maxMessageSizeInBytes', 'NotOptimal'],
    ];
    const found = () =>
      errors()
        .map(({ ConfigurationName, ErrorType }) => [ConfigurationName, ErrorType])
        .sort();
    expect(found()).toEqual(expected);

    await fixture.stopAgent();
    const before = eventsOf(fixture.hub.messages).length;
    await fixture.startAgent();
    // Something that was seen after the start, and so after the settings were known.
    await startMarked(`mark-after-restart-of-${process.pid}`);
    await fixture.hub.awaitMessages(
      (all) =>
        eventsOf(all)
          .slice(before)
          .some(({ Name }) => Name === 'ProcessCreate'),
      10_000,
    );
    await fixture.stopAgent();
    expect(found()).toEqual(expected);
    expect(fixture.hub.messages.flatMap(({ problems }) => problems)).toEqual([]);
  });

  it('statistics that count what an earlier run sent and had not told', async () => {
    fixture.hub.patchDesired(deviceId, desired({ ...quick, snapshotFrequency: 'PT8S' }));
    await fixture.startAgent();
    const sent = () => fixture.hub.messages.length;
    const ofFirst = () => payloadsOf(fixture.hub.messages, 'MessageStatistics');
    await fixture.hub.awaitMessages(() => sent() >= 2, 10_000);
    await fixture.stopAgent();
    const before = sent();
    expect(ofFirst()).toEqual([]);

    await fixture.startAgent();
    await fixture.hub.awaitMessages(() => ofFirst().length > 0, 15_000);
    const [told] = ofFirst();
    expect(Number(told?.['MessagesSent'])).toBeGreaterThan(before);
    const [high] = payloadsOf(fixture.hub.messages, 'DroppedEventsStatistics');
    // One snapshot of each run at least.
    expect(Number(high?.['CollectedEvents'])).toBeGreaterThanOrEqual(2);
    expect(fixture.hub.messages.flatMap(({ problems }) => problems)).toEqual([]);
  });
});
