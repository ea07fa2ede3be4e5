import { utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/clock.js';
import type { JsonObject } from '../../../base/json.js';
import { isUnavailable } from '../../../base/unavailable.js';
import type { FileEvent, FileEventSubscriber } from '../../../collectors/kernel/files/inotify.js';
import type { Host } from '../../../collectors/interface/host.js';
import { softwareInventory } from '../../../collectors/software-inventory/index.js';
import { checkPayload } from '../../../contract/payload-check.js';
import { rootOf } from '../../support/captured-roots.js';
import { FakeClock } from '../../support/fake-clock.js';
import { fakeHost } from '../../support/case-host.js';

const paragraph = (name: string, version: string): string =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: arm64\nVersion: ${version}\nMaintainer: A\n\n`;
const rpmLine = (name: string, version: string): string =>
  `${name}\t${version}\tx86_64\tVendor\tMIT\t(none)\t(none)\n`;
const dayMs = 86_400_000;

/** A device of which databases change, and a collector that remembers. */
function device(files: Readonly<Record<string, string>>) {
  const paths = rootOf(files);
  const memory = new Map<string, string>();
  const says: string[] = [];
  let nowMs = Date.UTC(2026, 0, 1);
  let changes = 0;
  let rpm: string | undefined;
  const inventory: Host['inventory'] = {
    ask: (name) => {
      if (rpm === undefined) return Promise.resolve({ unavailable: 'Nobody answers.' });
      const answer = { program: 'rpm', outcome: 'ended', exitStatus: 0, stdout: rpm, error: '' };
      return Promise.resolve({ name, programs: [answer as never], facts: {} });
    },
  };
  const host = fakeHost({
    paths,
    inventory,
    clock: {
      ...systemClock,
      wallMs: () => nowMs,
      // Nobody needs a rest here.
      after: (_, action) => {
        setImmediate(action);
        return { cancel: () => undefined };
      },
    },
    memory: {
      read: (name) => Promise.resolve(JSON.parse(memory.get(name) ?? 'null') as JsonObject),
      write: (name, value) => void memory.set(name, JSON.stringify(value)),
    },
  });
  return {
    says,
    memory,
    setRpm: (text: string | undefined) => (rpm = text),
    pass: (days: number) => (nowMs += days * dayMs),
    put: (path: string, text: string): void => {
      writeFileSync(`${paths.root}/${path}`, text);
      // A change within the same tick of the file system's clock is one all the same.
      utimesSync(`${paths.root}/${path}`, 1, ++changes);
    },
    /** As `Change name version`; whether it is remembered. */
    look: async ({ isHandedOn = true } = {}): Promise<readonly string[] | string> => {
      const answer = await softwareInventory.collect({
        host,
        signal: new AbortController().signal,
        lose: (cause, count) => says.push(`${cause} ${count}`),
        setSource: ({ source, limitation }) => says.push([source, limitation].join(': ')),
      });
      if (isUnavailable(answer)) return answer.unavailable;
      if (isHandedOn) answer.told();
      return answer.news.map((payload) => {
        expect(checkPayload('SoftwareInventory', payload)).toBeUndefined();
        const before = payload.ExtraDetails?.['VersionBefore'];
        return [payload.Change, payload.Name, before && `${before} →`, payload.Version]
          .filter(Boolean)
          .join(' ');
      });
    },
  };
}

const status = 'var/lib/dpkg/status';

describe('the inventory of software', () => {
  it('tells all packages once, and then only what changed', async () => {
    const { look, put } = device({ [status]: paragraph('a', '1') + paragraph('b', '1') });
    expect(await look()).toEqual(['Present a 1', 'Present b 1']);
    expect(await look()).toEqual([]);
    put(status, paragraph('a', '2') + paragraph('c', '1'));
    expect(await look()).toEqual(['Updated a 1 → 2', 'Installed c 1', 'Removed b 1']);
    expect(await look()).toEqual([]);
  });

  it('tells again what was not handed on, and all after 30 days, but not because the clock went back', async () => {
    const { look, pass, put } = device({ [status]: paragraph('a', '1') });
    expect(await look({ isHandedOn: false })).toEqual(['Present a 1']);
    expect(await look()).toEqual(['Present a 1']);
    pass(-20_000);
    expect(await look()).toEqual([]);
    pass(20_029);
    put(status, paragraph('a', '1'));
    expect(await look()).toEqual([]);
    pass(1);
    expect(await look()).toEqual(['Present a 1']);
  });

  it('tells all again where nothing of use is remembered', async () => {
    const { look, memory } = device({ [status]: paragraph('a', '1') });
    await look();
    for (const stored of ['[]', '{"wholeMs":"x"}', '{"wholeMs":1,"stamps":{},"managers":[]}']) {
      memory.set('software-inventory', stored);
      expect(await look()).toEqual(['Present a 1']);
    }
  });

  it('reads no database that did not change', async () => {
    const { look, says, put } = device({ [status]: paragraph('a', '1') });
    await look();
    put(status, 'Package: nameless\n\n');
    await look();
    const before = says.length;
    await look();
    expect(says.slice(0, before)).toContain('unparsed 1');
    expect(says.slice(before)).toEqual(['dpkg: ']);
  });

  it('takes packages of rpm that cannot be asked for neither gone nor, later, new', async () => {
    const tree = { [status]: paragraph('a', '1'), 'var/lib/rpm/rpmdb.sqlite': '1' };
    const { look, put, says, setRpm } = device(tree);
    expect(await look()).toEqual(['Present a 1']);
    expect(says.join()).toContain('The packages of rpm are not known. Nobody answers.');
    setRpm(rpmLine('k', '1') + rpmLine('k', '2') + rpmLine('z', '1'));
    expect(await look()).toEqual(['Present k 1', 'Present k 2', 'Present z 1']);
    setRpm(undefined);
    put('var/lib/rpm/rpmdb.sqlite', '22');
    expect(await look()).toEqual([]);
    setRpm(rpmLine('k', '2') + rpmLine('k', '3') + rpmLine('z', '2'));
    expect(await look()).toEqual(['Installed k 3', 'Updated z 1 → 2', 'Removed k 1']);
  });

  it('is looked at a minute after the database was written last, and not while it is being written', async () => {
    const clock = new FakeClock();
    const paths = rootOf({ [status]: '' });
    let subscriber: FileEventSubscriber | undefined;
    let looks = 0;
    let ended = 0;
    const watched = await softwareInventory.watch?.({
      host: fakeHost({
        paths,
        clock,
        fileEvents: {
          subscribe: (asked) => {
            subscriber = asked;
            return Promise.resolve({ end: () => ended++ } as never);
          },
        },
      }),
      lose: () => undefined,
      changed: () => looks++,
      fail: () => undefined,
    });
    const event = (path: string, kind: FileEvent['kind']): void =>
      subscriber?.onEvent({ path, kind, cookie: 0, isDirectory: false });
    const database = `${paths.root}/${status}`;
    expect(subscriber?.paths).toEqual([database]);
    event(`${paths.root}/var/lib/dpkg/lock`, 'changed');
    event(database, 'attributes');
    expect(clock.timers).toBe(0);
    for (let written = 0; written < 5; written++) {
      event(database, 'movedTo');
      await clock.advance(59_999);
      expect(looks).toBe(0);
    }
    await clock.advance(1);
    expect(looks).toBe(1);
    for (let written = 0; written < 11; written++) {
      event(database, 'movedTo');
      await clock.advance(59_000);
    }
    expect(looks).toBe(2);
    if (watched !== undefined && 'stop' in watched) await watched.stop();
    await clock.advance(600_000);
    expect([looks, ended, clock.timers]).toEqual([2, 1, 0]);
  });

  it('is not to be had where no manager of packages is', async () => {
    expect(await device({ 'etc/passwd': '' }).look()).toContain('There is no database of packages');
  });

  it('leaves out and counts what is more than can be remembered', async () => {
    const long = 'x'.repeat(290);
    const packages = Array.from({ length: 3000 }, (_, index) => paragraph(`${long}${index}`, '1'));
    const { look, says, memory } = device({ [status]: packages.join('') });
    const told = await look();
    const missing = packages.length - told.length;
    expect(missing).toBeGreaterThan(0);
    expect(says).toContain(`unparsed ${missing}`);
    expect(says.join()).toContain(`${missing} packages are not told`);
    expect(memory.get('software-inventory')?.length).toBeLessThan(1_048_576);
  });
});
