import { expect, it } from 'vitest';
import { Acknowledgements } from '../../../agent/uplink/acknowledgements.js';
import { FakeClock } from '../../support/fake-clock.js';

it('tells how long a message waits and how often sending failed, until the hub acknowledges one', async () => {
  const clock = new FakeClock();
  const acknowledgements = new Acknowledgements(clock);
  expect(acknowledgements.tell()).toEqual({ failedInARow: 0, waitingMs: 0 });
  acknowledgements.handedOver();
  await clock.advance(1_000);
  acknowledgements.handedOver();
  expect(acknowledgements.tell()).toEqual({ failedInARow: 0, waitingMs: 1_000 });
  acknowledgements.failed('It was closed.');
  await clock.advance(60_000);
  expect(acknowledgements.tell()).toEqual({
    failedInARow: 1,
    waitingMs: 0,
    failure: 'It was closed.',
  });
  acknowledgements.handedOver();
  acknowledgements.failed('It was reset.');
  expect(acknowledgements.tell()).toMatchObject({ failedInARow: 2, failure: 'It was reset.' });
  acknowledgements.handedOver();
  acknowledgements.acknowledged();
  expect(acknowledgements.tell()).toEqual({ failedInARow: 0, waitingMs: 0 });
});
