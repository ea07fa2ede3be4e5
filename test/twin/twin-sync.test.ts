import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LinkListener } from '../../agent/hub/hub-link.js';
import { TwinSync } from '../../agent/twin/twin-sync.js';
import type { Evaluation } from '../../config/evaluate-twin.js';
import type { JsonObject } from '../../config/json.js';
import { configurationObjectName as objectName } from '../../config/twin-settings.js';
import { FakeClock, settle } from '../support/fake-clock.js';
import { unspread } from '../support/moments.js';
import { recordingLog } from '../support/recording-log.js';

class FakeLink {
  listener: LinkListener = {};
  readonly reports: JsonObject[] = [];
  reads = 0;

  listen(listener: LinkListener): () => void {
    this.listener = listener;
    return () => (this.listener = {});
  }

  report(patch: JsonObject): Promise<void> {
    this.reports.push(patch);
    return Promise.resolve();
  }

  readTwin(): void {
    this.reads += 1;
  }

  twin(desired: JsonObject, reported: JsonObject = {}): void {
    this.listener.onTwin?.({ desired, reported });
  }
}

let directory: string;
let link: FakeLink;
let log: ReturnType<typeof recordingLog>;
let applied: { interval: string; version: number; rejected: string[] }[];
let sync: TwinSync;

const start = async (): Promise<void> => {
  link = new FakeLink();
  log = recordingLog();
  applied = [];
  sync = new TwinSync({
    link,
    clock: new FakeClock(),
    random: () => 0,
    moments: unspread,
    log,
    stateDirectory: directory,
    objectName,
    onSettings: ({ settings, problems }: Evaluation, version) =>
      applied.push({
        interval: settings.highPriorityMessageFrequency.text,
        version,
        rejected: problems.map(({ key }) => key),
      }),
    status: () => ({ desiredVersion: sync.desiredVersion }),
  });
  await sync.start();
};
const high = (value: string | number): JsonObject => ({
  [objectName]: { highPriorityMessageFrequency: { value } },
});
const file = (): string => join(directory, 'desired.json');

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'twin-sync-'));
  await start();
});

afterEach(async () => {
  await sync.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('the twin', () => {
  it('starts with the defaults, and hands on each change once', () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    link.twin({ ...high('PT2M'), $version: 3 });
    link.listener.onDesiredPatch?.({ ...high('PT9M'), $version: 4 });
    link.listener.onDesiredPatch?.({ ...high('PT8M'), $version: 4 });
    expect(applied).toEqual([
      { interval: 'PT7M', version: 0, rejected: [] },
      { interval: 'PT2M', version: 3, rejected: [] },
      { interval: 'PT9M', version: 4, rejected: [] },
    ]);
  });

  it('reports the settings in force as they were written, and the version', async () => {
    link.twin({ ...high('PT120S'), $version: 3 });
    await settle();
    expect(link.reports).toHaveLength(1);
    expect(link.reports[0]).toMatchObject({
      [objectName]: { highPriorityMessageFrequency: { value: 'PT120S' } },
      agentStatus: { desiredVersion: 3 },
    });
    link.listener.onDesiredPatch?.({ ...high('PT3M'), $version: 4 });
    await settle();
    expect(link.reports[1]).toEqual({
      [objectName]: { highPriorityMessageFrequency: { value: 'PT3M' } },
      agentStatus: { desiredVersion: 4 },
    });
  });

  it('is read again after a gap, and not changed by what came after it', () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    link.listener.onDesiredPatch?.({ ...high('PT9M'), $version: 5 });
    expect(link.reads).toBe(1);
    expect(applied.at(-1)).toMatchObject({ interval: 'PT2M', version: 3 });
  });

  it('a bad value is rejected alone and its last good value goes on, also after a restart', async () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    link.listener.onDesiredPatch?.({ ...high('soon'), $version: 4 });
    const bad = { interval: 'PT2M', version: 4, rejected: ['highPriorityMessageFrequency'] };
    expect(applied.at(-1)).toEqual(bad);
    await sync.stop();
    await start();
    expect(applied).toEqual([bad]);
  });

  it('follows a module that was made anew', () => {
    link.twin({ ...high('PT2M'), $version: 30 });
    link.twin({ $version: 1 });
    expect(applied.at(-1)).toMatchObject({ interval: 'PT7M', version: 1 });
  });
});

describe('the stored document', () => {
  it('is in force after a start without a hub', async () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    await sync.stop();
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    await start();
    expect(applied).toEqual([{ interval: 'PT2M', version: 3, rejected: [] }]);
    link.twin({ ...high('PT2M'), $version: 3 });
    expect(applied).toHaveLength(1);
  });

  it.each([
    ['', 'line 1'],
    ['{"format":"else"}', 'not a file of this agent'],
    ['{"format":"iot-security-agent desired properties 1","version":"x"}', 'members are missing'],
  ])('%s is not used, and said', async (text, says) => {
    await sync.stop();
    writeFileSync(file(), text);
    await start();
    expect(applied).toEqual([{ interval: 'PT7M', version: 0, rejected: [] }]);
    expect(log.lines).toEqual([
      { level: 'warn', message: expect.stringContaining(says) as string },
    ]);
  });

  it('that cannot be written costs a warning only', async () => {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'no directory');
    link.twin({ ...high('PT2M'), $version: 3 });
    await sync.stop();
    expect(applied.at(-1)).toMatchObject({ interval: 'PT2M' });
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('is replaced as a whole', async () => {
    link.twin({ ...high('PT2M'), $version: 3 });
    await sync.stop();
    const before = readFileSync(file(), 'utf8');
    chmodSync(file(), 0o644);
    await start();
    link.twin({ ...high('PT4M'), $version: 4 });
    await sync.stop();
    expect(readFileSync(file(), 'utf8')).not.toBe(before);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });
});
