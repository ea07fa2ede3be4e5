import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { desired, deviceId, eventsOf, Fixture, type Event } from '../support/running-agent.js';
import { buildScriptedAgent } from '../support/scripted-agent.js';

const kills = Number(process.env['CRASH_KILLS'] ?? 24);
const seed = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000_000);

/** Mulberry32: small, and the same everywhere for the same seed. */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Happening {
  readonly letter: string;
  readonly number: number;
  readonly identity: string;
  /** By the agent's clock, less what the machine needed to write something, twice: another write may be under way. */
  readonly beforeEndMs: number;
}

/** What happened in one life of the agent, by the notes of the scripted collectors. */
function readNotes(path: string): readonly Happening[] {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const parsed = lines.map((line) => {
    const [letter = '', number, identity = '', atMs] = line.split(' ');
    return { letter, number: Number(number), identity, atMs: Number(atMs) };
  });
  const endMs = Math.max(0, ...parsed.map(({ atMs }) => atMs));
  // The promise speaks of the agent; what a busy machine needs for the writes themselves comes on top.
  const writesMs = Math.max(
    0,
    ...parsed.map(({ letter, number }) => (letter === 'D' ? number : 0)),
  );
  return parsed.map(({ atMs, ...rest }) => ({ ...rest, beforeEndMs: endMs - atMs - 2 * writesMs }));
}

/** The agent over many lives, each ended by SIGKILL, and what the hub got. */
class Lives {
  readonly fixture = new Fixture();
  readonly happened: Happening[] = [];
  readonly received: Event[] = [];
  bundle = '';
  private readonly random = randomFrom(seed);
  private hubRuns = false;
  private life = 0;
  /** Memory where there is some: the slowness of a disk is no part of the promise. */
  private readonly state = mkdtempSync(
    join(
      statSync('/dev/shm', { throwIfNoEntry: false }) === undefined ? tmpdir() : '/dev/shm',
      'crash-',
    ),
  );

  async toggleHub(): Promise<void> {
    const { fixture } = this;
    this.hubRuns = !this.hubRuns;
    if (!this.hubRuns) return fixture.hub.stop();
    await fixture.startHub();
    fixture.hub.onMessage((message) => this.received.push(...eventsOf([message])));
  }

  async prepare(): Promise<void> {
    await this.toggleHub();
    this.fixture.configure({ stateDirectory: join(this.state, 'agent') });
    this.fixture.hub.patchDesired(
      deviceId,
      desired({
        highPriorityMessageFrequency: 'PT1S',
        lowPriorityMessageFrequency: 'PT1S',
        aggregationIntervalProcessCreate: 'PT4S',
        aggregationEnabledProcessTerminate: false,
        eventPriorityLogin: 'High',
        eventPriorityProcessTerminate: 'Low',
        eventPriorityProcessCreate: 'Low',
        maxLocalCacheSizeInBytes: 64_000_000,
      }),
    );
    // One whole life: the later ones start on the settings that this one stores.
    await this.begin();
    await this.fixture.hub.awaitTwin(
      deviceId,
      ({ reported }) => JSON.stringify(reported).includes('"agentStatus"'),
      20_000,
    );
    await this.end(() => this.fixture.stopAgent());
  }

  private begin(): Promise<void> {
    this.life++;
    process.env['CRASH_FIRST'] = String(this.life * 100_000);
    process.env['CRASH_NOTES'] = this.notes();
    return this.fixture.startAgent(this.bundle);
  }

  private notes(): string {
    return join(this.state, `notes-${this.life}`);
  }

  private async end(how: () => Promise<unknown>): Promise<void> {
    await how();
    this.happened.push(...readNotes(this.notes()));
    rmSync(this.notes(), { force: true });
  }

  async liveAndBeKilled(): Promise<void> {
    const started = this.begin();
    if (this.random() < 0.25) {
      // While it starts, where it reads and repairs what the last life left.
      started.catch(() => undefined);
      await wait(this.random() * 1500);
    } else {
      await started;
      await wait(this.random() * 1300);
      if (this.random() < 0.5) await this.toggleHub();
      await wait(this.random() * 1300);
    }
    await this.end(() => this.fixture.killAgent());
  }

  /** A last, whole life, which sends everything. */
  async finish(): Promise<void> {
    if (!this.hubRuns) await this.toggleHub();
    await this.begin();
    await wait(1500);
    await this.end(async () => {
      expect(await this.fixture.stopAgent()).toEqual({ code: 0, signal: null });
    });
  }

  async close(): Promise<void> {
    if (!this.hubRuns) await this.toggleHub();
    await this.fixture.close();
    rmSync(this.state, { recursive: true, force: true });
  }
}

describe(`the agent killed ${kills} times at random moments, CRASH_SEED=${seed}`, () => {
  const lives = new Lives();
  let once: ReadonlyMap<string, Event>;
  const payloads = (name: string): Event['Payload'] =>
    [...once.values()].filter((event) => event.Name === name).flatMap(({ Payload }) => Payload);
  const happened = (letter: string, beforeEndMs: number): readonly Happening[] =>
    lives.happened.filter((each) => each.letter === letter && each.beforeEndMs > beforeEndMs);

  beforeAll(
    async () => {
      lives.bundle = await buildScriptedAgent('crash');
      await lives.prepare();
      for (let kill = 0; kill < kills; kill++) await lives.liveAndBeKilled();
      await lives.finish();
      once = new Map(lives.received.map((event) => [event.Id, event]));
    },
    60_000 + kills * 10_000,
  );
  afterAll(() => lives.close(), 60_000);

  it('every start worked, and events flowed in most lives', () => {
    expect(happened('L', 1000).length).toBeGreaterThan(kills * 2);
    expect(lives.received.length).toBeGreaterThan(kills);
  });

  it.each([
    ['L', 'Login', 'UserName', 500],
    ['T', 'ProcessTerminate', 'Executable', 1000],
    ['C', 'ProcessCreate', 'CommandLine', 1000],
  ])('what happened in time (%s: %s) has arrived', (letter, name, field, beforeEndMs) => {
    const arrived = new Set(payloads(name).map((payload) => payload[field]));
    const missing = happened(letter, beforeEndMs).filter(({ identity }) => !arrived.has(identity));
    expect(missing.slice(0, 10), `${missing.length} are missing`).toEqual([]);
  });

  it.each([
    ['Login', 'UserName'],
    ['ProcessTerminate', 'Executable'],
  ])('no %s is in two events, and the first arrivals are in order', (name, field) => {
    const numbers = payloads(name).map((payload) =>
      Number(/\d+$/.exec(String(payload[field]))?.[0]),
    );
    const fallen = numbers.filter((number, index) => number <= (numbers[index - 1] ?? 0));
    expect(fallen).toEqual([]);
  });

  it('duplicates have the same id and say the same', () => {
    const texts = new Map<string, string>();
    for (const event of lives.received) {
      const text = JSON.stringify(event);
      expect(texts.get(event.Id) ?? text).toBe(text);
      texts.set(event.Id, text);
    }
  });

  it('no hit is counted twice', () => {
    const counted = new Map<string, number>();
    for (const { CommandLine, ExtraDetails } of payloads('ProcessCreate')) {
      const hits = Number(ExtraDetails?.['HitCount'] ?? 1);
      counted.set(String(CommandLine), (counted.get(String(CommandLine)) ?? 0) + hits);
    }
    const emitted = new Map<string, number>();
    for (const { identity } of happened('C', -Infinity))
      emitted.set(identity, (emitted.get(identity) ?? 0) + 1);
    // An event is noted after it is told, so that each kill may have cost the note of one hit.
    const tooMany = [...counted].filter(
      ([identity, hits]) => hits > (emitted.get(identity) ?? 0) + kills,
    );
    expect(tooMany).toEqual([]);
  });
});
