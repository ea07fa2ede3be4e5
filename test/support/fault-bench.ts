import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'mqtt';
import { expect } from 'vitest';
import { configurationObjectName } from '../../config/twin-settings.js';
import type { ConnectionEvent, ReceivedMessage } from '../../local-hub/hub/local-hub.js';
import { connectOptions } from './hub-fixture.js';
import {
  desired,
  deviceId,
  eventsOf,
  Fixture,
  payloadsOf,
  quick,
  startsOf,
} from './running-agent.js';
import { buildScriptedAgent } from './scripted-agent.js';

/** Longest wait for something that comes by itself, a pause of the back-off included, on a machine that does other things too. */
export const patienceMs = 120_000;

/** Longer than the agent waits for an answer by default, and shorter than a connection that lasted. */
const sleepMs = 35_000;
/** The agent notices within 5 s that it slept. */
const lookMs = 7_000;

/** One for each worker, which may run beside others. */
let bundle: Promise<string> | undefined;

/** The agent, with logins that a test has happen. */
function agentWithLogins(): Promise<string> {
  bundle ??= buildScriptedAgent(`faults-${process.env['VITEST_POOL_ID'] ?? ''}`, {
    'collectors/registry': 'test/support/marked-logins',
  });
  return bundle;
}

/** A running agent that goes through a fault of its hub, and what it must keep meanwhile. */
export class FaultBench {
  readonly fixture = new Fixture();
  readonly connections: ConnectionEvent[] = [];
  private readonly prefix = `mark-${randomBytes(4).toString('hex')}`;
  private readonly loginMarks = join(this.fixture.directory, 'login-marks');
  private happened = 0;
  private logins = 0;
  private earlier: ReceivedMessage[] = [];

  /** @param settings local ones, over the defaults: a time limit is run through by sleep, not waited for */
  async start(settings: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.startHub();
    this.configure(settings);
    this.fixture.hub.patchDesired(deviceId, desired(quick));
    await this.startAgent();
    await this.takesSettings('snapshotFrequency', quick.snapshotFrequency);
  }

  async startAgent(): Promise<void> {
    writeFileSync(this.loginMarks, '');
    this.fixture.environment = { LOGIN_MARKS: this.loginMarks };
    await this.fixture.startAgent(await agentWithLogins());
  }

  configure(settings: Readonly<Record<string, unknown>> = {}): void {
    this.fixture.configure({
      processPollingInterval: 'PT0.5S',
      shutdownTimeout: 'PT3S',
      logLevel: 'debug',
      ...settings,
    });
  }

  async startHub(options: Parameters<Fixture['startHub']>[0] = {}): Promise<void> {
    await this.fixture.startHub(options);
    this.fixture.hub.onConnection((event) => this.connections.push(event));
  }

  async stopHub(): Promise<void> {
    this.earlier = this.messages();
    await this.fixture.hub.stop();
  }

  get hub(): Fixture['hub'] {
    return this.fixture.hub;
  }

  async connected(): Promise<void> {
    await this.until('the agent is connected', () => this.hub.isConnected(deviceId));
  }

  /**
   * A program starts and ends on this machine, and somebody logs in before and after: one more event of Low priority and
   * some more of High that must arrive. The program starts a second one of the same mark, for polling may come between
   * the fork and the exec of a program and then tell another command line.
   */
  async happen(): Promise<void> {
    const mark = `${this.prefix}-${this.happened++}`;
    const script = `/bin/sh -c 'sleep 1.5; : "$0"' "$0"; :`;
    this.logIn();
    this.logIn();
    await once(spawn('/bin/sh', ['-c', script, mark], { stdio: 'ignore' }), 'exit');
    this.logIn();
  }

  private logIn(): void {
    appendFileSync(this.loginMarks, `${this.prefix}-login-${this.logins++}\n`);
  }

  messages(): ReceivedMessage[] {
    return [...this.earlier, ...this.hub.messages];
  }

  /**
   * Everything that happened has arrived, in order within each priority; duplicates are recognisable; all of it is valid.
   * @param until how to wait for it
   */
  async everythingArrives(until = this.until.bind(this)): Promise<void> {
    const low = Array.from({ length: this.happened }, (_, n) => `${this.prefix}-${n}`);
    const high = Array.from({ length: this.logins }, (_, n) => `${this.prefix}-login-${n}`);
    const missing = (): readonly string[] => {
      const arrived = new Set([...this.arrivedLow(), ...this.arrivedHigh()]);
      return [...low, ...high].filter((mark) => !arrived.has(mark));
    };
    await until(
      `all of ${low.length + high.length} events arrived`,
      () => missing().length === 0,
    ).catch((error: unknown) => {
      throw new Error(`Missing are ${missing().join(', ')}.`, { cause: error });
    });
    expect(this.arrivedLow()).toEqual(low);
    expect(this.arrivedHigh()).toEqual(high);
    const byId = new Map<string, string>();
    for (const event of eventsOf(this.messages())) {
      const text = JSON.stringify(event);
      expect(byId.get(event.Id) ?? text).toBe(text);
      byId.set(event.Id, text);
    }
    expect(this.messages().flatMap(({ problems }) => problems)).toEqual([]);
  }

  /** How often the hub took each message that holds one of the events of this bench, by message id. */
  deliveries(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const message of this.messages()) {
      const id = message.systemProperties['$.mid'] ?? '';
      if (message.body.includes(this.prefix)) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  }

  /** A setting of the twin is in force: the agent reports it. */
  reports(setting: string, value: string): boolean {
    const { reported } = this.hub.readTwin(deviceId);
    const settings = (reported as Record<string, Record<string, { value?: unknown }>>)[
      configurationObjectName
    ];
    return settings?.[setting]?.value === value;
  }

  async takesSettings(setting: string, value: string): Promise<void> {
    await this.until(`${setting} ${value} is in force`, () => this.reports(setting, value));
  }

  /** Changes the twin and waits until it is in force. */
  async followsTwin(snapshotFrequency = 'PT2H'): Promise<void> {
    this.hub.patchDesired(deviceId, desired({ snapshotFrequency }));
    await this.takesSettings('snapshotFrequency', snapshotFrequency);
  }

  /** The lines of the log that warn, or tell an error. */
  warnings(pattern = /./): readonly string[] {
    return this.fixture.log.filter(
      (line) => / (warn|error) /.test(line.slice(0, 40)) && pattern.test(line),
    );
  }

  /** A second client with the identity of the agent, which connects again whenever it is kicked. */
  async rival(): Promise<{ leave(): void }> {
    const options = connectOptions(this.hub, this.hub.registerModule(deviceId));
    const client = connect({ ...options, reconnectPeriod: 20 });
    client.on('error', () => undefined);
    await new Promise((resolve) => client.once('connect', resolve));
    return { leave: () => void client.end(true) };
  }

  attempts(kind?: ConnectionEvent['kind']): number {
    return this.connections.filter((event) => event.kind === kind).length;
  }

  async until(what: string, condition: () => boolean, limitMs = patienceMs): Promise<void> {
    const endMs = Date.now() + limitMs;
    while (!condition()) {
      if (Date.now() > endMs) {
        throw new Error(`Waited in vain: ${what}.\n${this.fixture.log.slice(-30).join('\n')}`);
      }
      await pause(100);
    }
  }

  /** Like `until`, while the device sleeps now and then, so that deadlines and pauses are over soon. */
  readonly asleepUntil = async (what: string, condition: () => boolean): Promise<void> => {
    const endMs = Date.now() + 2 * patienceMs;
    while (!condition() && Date.now() < endMs) {
      this.fixture.suspend(sleepMs);
      const nextMs = Date.now() + lookMs;
      while (!condition() && Date.now() < nextMs) await pause(100);
    }
    await this.until(what, condition, 0);
  };

  /** The agent lived through it all, and stops as asked. */
  async end(): Promise<void> {
    expect(await this.fixture.stopAgent()).toEqual({ code: 0, signal: null });
  }

  /** The programs, in the order of their first arrival. */
  private arrivedLow(): readonly string[] {
    const pattern = new RegExp(`^/bin/sh -c.*(${this.prefix}-\\d+)$`);
    const lines = [...startsOf(this.messages()).keys()];
    return [...new Set(lines.flatMap((line) => pattern.exec(line)?.[1] ?? []))];
  }

  /** The logins, in the order of their first arrival. */
  private arrivedHigh(): readonly string[] {
    return payloadsOf(this.messages(), 'Login').map(({ UserName }) => String(UserName));
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One bench of its own for a test, so that several run at a time. */
export function withBench(work: (bench: FaultBench) => Promise<void>): () => Promise<void> {
  return async () => {
    const bench = new FaultBench();
    try {
      await work(bench);
      await bench.end();
    } finally {
      await bench.fixture.close();
    }
  };
}
