import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../base/json.js';
import { configurationObjectName } from '../../config/twin-settings.js';
import { AgentProcess, type Ending } from '../../local-hub/agent-process.js';
import {
  LocalHub,
  type LocalHubOptions,
  type ReceivedMessage,
} from '../../local-hub/hub/local-hub.js';

export const agentBundle = join(import.meta.dirname, '..', '..', 'dist', 'iot-security-agent.cjs');
const timePreload = join(import.meta.dirname, 'time-preload.cjs');
export const deviceId = 'device-1';

/** Settings as the twin holds them. */
export function desired(settings: Readonly<Record<string, string | number | boolean>>): JsonObject {
  const wrapped = Object.entries(settings).map(([key, value]) => [key, { value }] as const);
  return { [configurationObjectName]: Object.fromEntries(wrapped) };
}

/** Intervals short enough for a test, with every event sent at once. */
export const quick = {
  highPriorityMessageFrequency: 'PT1S',
  lowPriorityMessageFrequency: 'PT1S',
  aggregationIntervalProcessCreate: 'PT1S',
  snapshotFrequency: 'PT1H',
};

export interface Event {
  readonly Id: string;
  readonly TimestampUTC: string;
  readonly Name: string;
  readonly IsEmpty: boolean;
  readonly Payload: readonly (Record<string, unknown> & {
    ExtraDetails?: Record<string, string>;
  })[];
}

export function eventsOf(messages: readonly ReceivedMessage[]): readonly Event[] {
  return messages.flatMap(({ json }) => (json as { Events: Event[] }).Events);
}

/** The payloads of one event name, over all messages; an event that arrived twice counts once. */
export function payloadsOf(messages: readonly ReceivedMessage[], name: string): Event['Payload'] {
  const once = new Map(eventsOf(messages).map((event) => [event.Id, event]));
  return [...once.values()]
    .filter((event) => event.Name === name)
    .flatMap(({ Payload }) => Payload);
}

/** How many times each command line was started, aggregates counted by their hits. */
export function startsOf(messages: readonly ReceivedMessage[]): ReadonlyMap<string, number> {
  const starts = new Map<string, number>();
  for (const { CommandLine, ExtraDetails } of payloadsOf(messages, 'ProcessCreate')) {
    const hits = Number(ExtraDetails?.['HitCount'] ?? 1);
    starts.set(String(CommandLine), (starts.get(String(CommandLine)) ?? 0) + hits);
  }
  return starts;
}

/**
 * The events for which the agent looks at its host from the start on: its packages, its files, its accounts. A test that
 * is about something else is spared the looks.
 */
export const lookingEvents = ['FileChange', 'SoftwareInventory', 'StateChange'] as const;

/** A hub, a device on it, and the agent of that device; everything in one temporary directory. */
export class Fixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'agent-test-'));
  readonly configFile = join(this.directory, 'agent.json');
  readonly keyFile = join(this.directory, 'module.key');
  readonly log: string[] = [];
  /** Of the agent, beside that of this process. */
  environment: NodeJS.ProcessEnv = {};
  hub!: LocalHub;
  agent: AgentProcess | undefined;
  private port = 0;
  private shift = { wallMs: 0, sleptMs: 0 };

  async startHub(options: Partial<LocalHubOptions> = {}): Promise<void> {
    this.hub = await LocalHub.start({
      stateDirectory: join(this.directory, 'hub'),
      port: this.port,
      ...options,
    });
    this.port = this.hub.port;
  }

  /** Writes the local configuration, without `lookingEvents`; `changes` replaces whole top-level keys. */
  configure(changes: Readonly<Record<string, unknown>> = {}): void {
    const module = this.hub.registerModule(deviceId);
    writeFileSync(this.keyFile, `${module.primaryKey}\n`);
    chmodSync(this.keyFile, 0o600);
    mkdirSync(join(this.directory, 'run'), { recursive: true });
    const config = {
      identity: {
        mode: 'module',
        hostName: module.hubName,
        deviceId,
        moduleId: module.moduleId,
        gatewayHostName: module.gatewayHostName,
        keyFile: this.keyFile,
      },
      trustedCaFile: this.hub.caFile,
      stateDirectory: join(this.directory, 'state'),
      runtimeDirectory: join(this.directory, 'run'),
      processSource: 'polling',
      connectionSource: 'polling',
      loginSource: 'wtmp',
      processPollingInterval: 'PT0.1S',
      audit: { own: 'never' },
      disabledEvents: lookingEvents,
      // Reading the rules takes as long as the rest of a start.
      detection: false,
      ...changes,
    };
    writeFileSync(this.configFile, JSON.stringify(config));
  }

  /** Resolves when the agent is ready; rejects with its log when it ends before. */
  async startAgent(bundle = agentBundle): Promise<void> {
    this.writeShift({});
    const agent = AgentProcess.start(bundle, this.configFile, (line) => this.log.push(line), {
      nodeArguments: ['--require', timePreload],
      environment: { ...this.environment, TIME_SHIFT_FILE: this.shiftFile },
    });
    this.agent = agent;
    await Promise.race([
      agent.ready,
      agent.ended.then(({ code }) => {
        throw new Error(`The agent ended with ${code}: ${this.log.slice(-20).join('\n')}`);
      }),
    ]);
  }

  /** Sets the wall clock of the agent, from now on or from its next start, so far off that of this machine. */
  setClock(wallMs: number): void {
    this.writeShift({ wallMs });
    this.agent?.signal('SIGUSR2');
  }

  /** The device sleeps for so long, and wakes at once. */
  suspend(sleptMs: number): void {
    const { shift } = this;
    this.writeShift({ sleptMs: shift.sleptMs + sleptMs, wallMs: shift.wallMs + sleptMs });
    this.agent?.signal('SIGUSR2');
  }

  private get shiftFile(): string {
    return join(this.directory, 'time-shift.json');
  }

  private writeShift(change: Partial<typeof this.shift>): void {
    this.shift = { ...this.shift, ...change };
    // The agent may be reading it just now.
    writeFileSync(`${this.shiftFile}.new`, JSON.stringify(this.shift));
    renameSync(`${this.shiftFile}.new`, this.shiftFile);
  }

  /** As systemd does. */
  async stopAgent(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<Ending> {
    const ending = await this.agent?.stop(10_000, signal);
    this.agent = undefined;
    if (ending === undefined) throw new Error('No agent is running.');
    return ending;
  }

  /** As a power cut does. */
  async killAgent(): Promise<void> {
    this.agent?.kill();
    await this.agent?.ended;
    this.agent = undefined;
  }

  async close(): Promise<void> {
    this.agent?.kill();
    await this.agent?.ended.catch(() => undefined);
    await this.hub.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts a program that lives long enough to be seen by polling, with an argument that tells it from all others. */
export function startMarked(mark: string, lifeSeconds = 1): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', `sleep ${lifeSeconds}; : "$0"`, mark], {
      stdio: 'ignore',
    });
    child.once('error', reject);
    child.once('exit', () => resolve(child.pid ?? 0));
  });
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the bundle's command line to its end. */
export function runCommandLine(
  args: readonly string[],
  options: { readonly cwd?: string; readonly bundle?: string } = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [options.bundle ?? agentBundle, ...args], {
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...output }));
  });
}
