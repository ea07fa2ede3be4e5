import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InventoryProcess } from '../../local-hub/inventory-process.js';
import { AuditedAgent } from '../support/device/audited-agent.js';
import { kernelState, until } from '../support/device/audit-support.js';
import { ChangedHost, type Expected, matches } from '../support/device/host-changes.js';
import { eventsOf, payloadsOf, runCommandLine } from '../support/running-agent.js';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '..', '..');
const mark = `isa${process.pid}`;
/** The promise: a change is told within this time. */
const minuteMs = 60_000;

const audited = new AuditedAgent();
const changed = new ChangedHost(mark);
const changes = changed.changes();
const watched = mkdtempSync(join(tmpdir(), 'isa-watched-'));
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

function withoutDoer(fields: Expected['fields']): Expected['fields'] {
  const doer = ['ProcessId', 'Executable', 'UserId'];
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !doer.includes(name)));
}

/** Who changed a file is known of no one who did it before; of a listener it is whoever holds it now. */
function notGuessed({ event, details }: Expected): Pick<Expected, 'details'> {
  return event === 'FileChange'
    ? { details: { ...details, WhoKnown: 'false', ProcessId: '' } }
    : { ...(details !== undefined && { details }) };
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
  audited.set({ fileChangePaths: watched });
  await audited.start();
  await looked();
}, 120_000);

afterAll(async () => {
  await changed.undo();
  inventory.stop();
  await audited.close();
  rmSync(watched, { recursive: true, force: true });
}, 60_000);

describe('what changes on the device, and who did it', () => {
  it('is told once within a minute when it is added, changed and removed, with before and after', async () => {
    const wrong = [...(await round('add')), ...(await round('change')), ...(await round('remove'))];
    expect(wrong, allTold()).toEqual([]);
    expect(audited.problems).toEqual([]);
  }, 240_000);

  it('is told after the agent was down, as such, and who did it is not guessed', async () => {
    await audited.fixture.stopAgent();
    expect(await failuresOf(changes.map(({ add }) => add))).toEqual([]);
    await audited.fixture.startAgent();
    const details = { WhileDown: 'true', NotBeforeUtc: /^2\d{3}-.*Z$/ };
    const found = changes.map(({ name, add: { told: expected } }) => ({
      name,
      expected: { ...expected, fields: withoutDoer(expected.fields), ...notGuessed(expected) },
    }));
    await expectTold(
      found.map(({ expected }) => expected),
      details,
    );
    const wrong = found
      .map(({ name, expected }) => [name, told(expected, details).length] as const)
      .filter(([, times]) => times !== 1)
      .map(([name, times]) => `${name}: told ${times} times`);
    expect(wrong, allTold()).toEqual([]);
    expect(await round('remove')).toEqual([]);
  }, 240_000);

  it('is one event for a package that apt-get installs', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'isa-package-'));
    try {
      const root = join(directory, 'root');
      for (const place of ['DEBIAN', 'etc/cron.d', 'etc/systemd/system'])
        mkdirSync(join(root, place), { recursive: true });
      writeFileSync(
        join(root, 'DEBIAN/control'),
        `Package: ${mark}\nVersion: 1\nArchitecture: all\nMaintainer: none <none@example.invalid>\nDescription: Of a test\n`,
      );
      for (let number = 0; number < 100; number++) {
        writeFileSync(join(root, `etc/cron.d/${mark}-${number}`), '# nothing is started\n');
        writeFileSync(join(root, `etc/systemd/system/${mark}-${number}.service`), '[Service]\n');
      }
      const archive = join(directory, `${mark}.deb`);
      await run('dpkg-deb', ['--root-owner-group', '--build', root, archive]);
      const quiet = ['-o', `Dir::Log=${directory}`, '-o', `Dpkg::Options::=--log=${directory}/log`];
      const ofPackage = () =>
        payloadsOf(audited.fixture.hub.messages, 'FileChange').filter(
          ({ ExtraDetails, Path }) =>
            String(Path).includes(`${mark}-`) ||
            ExtraDetails?.['FoldedPaths']?.includes(`${mark}-`) === true,
        );
      const before = ofPackage().length;
      try {
        await run('apt-get', ['install', '-y', '--no-install-recommends', ...quiet, archive]);
        await until('the installation', minuteMs, () => ofPackage().length > before);
      } finally {
        await run('apt-get', ['purge', '-y', ...quiet, mark]);
      }
      await until('the removal', minuteMs, () => ofPackage().length > before + 1);
      const [installed, ...others] = ofPackage().slice(before);
      expect(others, JSON.stringify([installed, ...others])).toHaveLength(1);
      expect(installed).toMatchObject({ Change: 'Several', UserId: '0' });
      expect(installed?.Executable).toMatch(/apt|dpkg/);
      expect(Number(installed?.ExtraDetails?.['Folded'])).toBeGreaterThanOrEqual(200);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }, 150_000);

  it('of 10,000 changes in a watched directory is told in few events that count them, and delays no other', async () => {
    const { messages } = audited.fixture.hub;
    const script = `
      const fs = require('node:fs');
      const { execFileSync } = require('node:child_process');
      for (let number = 0; number < 10_000; number++) {
        fs.writeFileSync(process.argv[1] + '/' + number, String(number));
        if (number === 5_000) execFileSync('/bin/true', ['${mark}-amidst']);
        if (number % 1_000 === 999) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900);
      }`;
    await run(process.execPath, ['-e', script, watched]);
    const ofStorm = () =>
      payloadsOf(messages, 'FileChange').filter(({ Path }) => String(Path).startsWith(watched));
    const counted = (): number =>
      ofStorm().reduce((sum, { ExtraDetails }) => sum + Number(ExtraDetails?.['Folded'] ?? 1), 0);
    const lost = (): number =>
      Object.values(audited.status?.collectors['FileChange']?.losses ?? {}).reduce(
        (sum, count) => sum + count,
        0,
      );
    await until(
      'every change to be counted',
      minuteMs,
      () => counted() > 0 && counted() + lost() >= 10_000,
    ).catch(() => undefined);
    const figures = `${counted()} counted in ${ofStorm().length} events, ${lost()} lost`;
    expect(counted() + lost(), figures).toBeGreaterThanOrEqual(10_000);
    expect(counted(), figures).toBeGreaterThan(0);
    expect(ofStorm().length, figures).toBeLessThanOrEqual(50);

    // The program in the middle of it arrived before the end of what came after it.
    const names = messages.map((message) => {
      const says = (name: string, text: string): boolean =>
        JSON.stringify(payloadsOf([message], name)).includes(text);
      return {
        program: says('ProcessCreate', `${mark}-amidst`),
        storm: says('FileChange', watched),
      };
    });
    const program = names.findIndex((one) => one.program);
    expect(program).toBeGreaterThanOrEqual(0);
    expect(program).toBeLessThanOrEqual(names.findLastIndex((one) => one.storm));
  }, 120_000);

  it('stays on the device, and leaves the host as it was', async () => {
    const { code, stdout } = await runCommandLine([
      'history',
      '--config',
      audited.fixture.configFile,
      '--event',
      'StateChange',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`StateChange +sent +User ${mark} added, is uid`));
    expect(await audited.fixture.stopAgent()).toEqual({ code: 0, signal: null });
    expect(kernelState()).toEqual(audited.kernelBefore);
  }, 60_000);
});
