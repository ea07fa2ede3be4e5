import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InventoryProcess } from '../../local-hub/inventory-process.js';
import { AuditedAgent } from '../support/device/audited-agent.js';
import { until } from '../support/device/audit-support.js';
import { ChangedHost, type Expected, matches } from '../support/device/host-changes.js';
import { eventsOf, payloadsOf, runCommandLine } from '../support/running-agent.js';

const repository = join(import.meta.dirname, '..', '..');
const mark = `isa${process.pid}`;
/** The promise: a change is told within this time. */
const minuteMs = 60_000;

const audited = new AuditedAgent();
const changed = new ChangedHost(mark);
const changes = changed.changes();
let inventory: InventoryProcess;

const told = ({ event, ...expected }: Expected, more: Expected['details'] = {}) =>
  payloadsOf(audited.fixture.hub.messages, event).filter((payload) =>
    matches({ event, ...expected, details: { ...expected.details, ...more } }, payload),
  );

/** Does all of them side by side, and says which were not told exactly once within a minute. */
async function round(
  step: 'add' | 'change' | 'remove',
  details: Expected['details'] = {},
): Promise<readonly string[]> {
  const steps = changes.flatMap((one) => {
    const { [step]: own } = one;
    return own === undefined ? [] : [{ name: one.name, ...own }];
  });
  const failures = await failuresOf(steps);
  await expectTold(
    steps.map((one) => one.told),
    details,
  );
  const wrong = steps
    .map(({ name, told: expected }) => [name, told(expected, details).length] as const)
    .filter(([, times]) => times !== 1)
    .map(([name, times]) => `${name} (${step}): told ${times} times`);
  return [...failures, ...wrong];
}

/** Does all of them, whatever becomes of the others. */
async function failuresOf(
  steps: readonly { readonly run: () => Promise<unknown> }[],
): Promise<readonly string[]> {
  const done = await Promise.allSettled(steps.map(({ run: begin }) => begin()));
  return done.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
}

/** Resolves when all were told, at the latest after a minute. */
async function expectTold(all: readonly Expected[], details: Expected['details']): Promise<void> {
  await until('everything to be told', minuteMs, () =>
    all.every((expected) => told(expected, details).length > 0),
  ).catch(() => undefined);
}

/** What was told of this test, for whoever has to find out why something is missing. */
const allTold = (): string =>
  eventsOf(audited.fixture.hub.messages)
    .filter(({ Name }) => ['StateChange', 'FileChange'].includes(Name))
    .map(({ Name, Payload }) => `${Name} ${JSON.stringify(Payload)}`)
    .join('\n');

/** The first looks have ended: what they found is remembered. */
async function looked(): Promise<void> {
  const memory = join(audited.fixture.directory, 'state', 'memory');
  const names = (): string => {
    try {
      return readdirSync(memory).join(' ');
    } catch {
      return '';
    }
  };
  const subjects = [
    'device',
    'firewall-rule',
    'group-member',
    'listening-port',
    'password',
    'unit',
  ];
  await until('the first looks', minuteMs, () =>
    subjects.every((subject) => names().includes(subject)),
  );
}

beforeAll(async () => {
  const directory = join(audited.fixture.directory, 'inventory');
  mkdirSync(directory);
  inventory = InventoryProcess.start(
    join(repository, 'dist', 'iot-security-agent-inventory.cjs'),
    directory,
    (line) => audited.fixture.log.push(line),
  );
  await inventory.ready;
  await audited.prepare({
    connectionSource: 'auto',
    loginSource: 'auto',
    inventoryDirectory: directory,
  });
  await audited.start();
  await looked();
}, 120_000);

afterAll(async () => {
  await changed.undo();
  inventory.stop();
  await audited.close();
}, 60_000);

describe('what changes on the device, and who did it', () => {
  it('is told once within a minute when it is added, changed and removed, with before and after', async () => {
    const wrong = [...(await round('add')), ...(await round('change')), ...(await round('remove'))];
    expect(wrong, allTold()).toEqual([]);
    expect(audited.problems).toEqual([]);
  }, 240_000);

  it('stays on the device after it was sent', async () => {
    const { code, stdout } = await runCommandLine([
      'history',
      '--config',
      audited.fixture.configFile,
      '--event',
      'StateChange',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`StateChange +sent +User ${mark} added, is uid`));
  }, 60_000);
});
