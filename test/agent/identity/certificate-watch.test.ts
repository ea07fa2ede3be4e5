import { expect, test } from 'vitest';
import { CertificateWatch } from '../../../agent/identity/certificate-watch.js';
import { FakeClock, settle } from '../../support/fake-clock.js';

const dayMs = 86_400_000;

function watching(days: number) {
  const clock = new FakeClock();
  const told: string[] = [];
  const file = { endMs: clock.wallMs() + days * dayMs, isReadable: true };
  let changes = 0;
  const watch = new CertificateWatch({
    clock,
    warn: (sentence) => told.push(sentence),
    path: '/etc/c.pem',
    read: () => (file.isReadable ? Promise.resolve(file.endMs) : Promise.reject(new Error('no'))),
    onChange: () => (changes += 1),
  });
  const pass = async (passed: number): Promise<void> => {
    for (let day = 0; day < passed; day++) {
      await clock.advance(dayMs);
      await settle();
    }
  };
  return { clock, file, told, watch, pass, changes: () => changes };
}

test('the end of a certificate is warned of once a day from 30 days before it on, and after it', async () => {
  const { pass, told, watch } = watching(33.5);
  await watch.start();
  await pass(3);
  expect(told).toEqual([]);
  await pass(1);
  expect(told).toEqual([
    expect.stringMatching(
      /^The certificate in \/etc\/c\.pem expires in 29 days: it is valid until \S+Z\. Replace/,
    ),
  ]);
  await pass(30);
  expect(told).toHaveLength(31);
  expect(told.at(-1)).toContain('has expired: it was valid until');
  watch.stop();
});

test('one that is replaced is noticed, whether or not it can be read meanwhile', async () => {
  const { changes, clock, file, pass, told, watch } = watching(10);
  await watch.start();
  expect([told.length, changes()]).toEqual([1, 1]);
  file.isReadable = false;
  await pass(1);
  expect(told).toHaveLength(2);
  file.isReadable = true;
  file.endMs = clock.wallMs() + 365 * dayMs;
  await watch.look();
  await pass(5);
  expect([told.length, changes(), watch.validToMs]).toEqual([2, 2, file.endMs]);
});

test('nothing is left after it was stopped', async () => {
  const { clock, watch } = watching(10);
  await watch.start();
  watch.stop();
  expect(clock.timers).toBe(0);
});
