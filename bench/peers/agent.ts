import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventNames, type EventName } from '../../contract/events.js';
import { configurationObjectName } from '../../config/twin-settings.js';
import { LocalHub, type ReceivedMessage } from '../../local-hub/hub/local-hub.js';
import type { Told, Watching } from './watcher.js';
import { niceness } from './workload.js';
import { Tally, WrittenFiles, foundIn } from './written-files.js';

const deviceId = 'device-1';
/** Room for a storm that is faster than the hub, as the peers have for their logs. */
const cacheBytes = 32_000_000;

/** What a peer tells, too: started programs and connections. */
const alike: readonly EventName[] = ['ProcessCreate', 'ConnectionCreate'];

/** How the agent is run. */
export interface AgentSettings {
  /** Members of the local file. */
  readonly local: Readonly<Record<string, unknown>>;
  /** Settings of the twin. */
  readonly twin: Readonly<Record<string, string | number | boolean>>;
  /** Every event as a device has them, instead of those alone that a peer tells, too. */
  readonly everything?: boolean;
  /** Options of Node. */
  readonly nodeArguments?: readonly string[];
}

export const agentBundle = join(import.meta.dirname, '..', '..', 'dist', 'iot-security-agent.cjs');

interface Payload {
  readonly CommandLine?: string;
  readonly Direction?: string;
  readonly RemoteAddress?: string;
  readonly LocalAddress?: string;
  readonly ExtraDetails?: { readonly HitCount?: string };
}

interface Body {
  readonly Events: readonly { readonly Name: string; readonly Payload: readonly Payload[] }[];
}

/** What of a workload arrived at the hub, message by message. */
class Counted {
  readonly #tally: Tally;
  readonly #starts = new Map<string, number>();
  readonly #ends = new Set<string>();
  readonly #line: RegExp;
  #taken = 0;

  constructor(mark: string) {
    this.#tally = new Tally(mark);
    this.#line = new RegExp(`^/bin/true (${mark}-\\d+)$`);
  }

  take(messages: readonly ReceivedMessage[]): void {
    for (const { body, json } of messages.slice(this.#taken)) {
      this.#tally.add(`${body}\n`);
      for (const { Name, Payload } of (json as Body).Events)
        if (Name === 'ProcessCreate') for (const payload of Payload) this.#count(payload);
        else if (Name === 'ConnectionCreate')
          for (const payload of Payload) this.#countEnd(payload);
    }
    this.#taken = messages.length;
  }

  #count({ CommandLine = '', ExtraDetails }: Payload): void {
    const name = this.#line.exec(CommandLine)?.[1];
    if (name === undefined) return;
    this.#starts.set(name, (this.#starts.get(name) ?? 0) + Number(ExtraDetails?.HitCount ?? 1));
  }

  #countEnd({ Direction = '', RemoteAddress = '', LocalAddress = '' }: Payload): void {
    const address = Direction === 'Out' ? RemoteAddress : LocalAddress;
    if (address.startsWith('127.1.')) this.#ends.add(`${Direction} ${address}`);
  }

  get told(): Told {
    const twice = [...this.#starts.values()].filter((count) => count > 1).length;
    return { ...this.#tally.told, ends: this.#ends.size, twice };
  }
}

/** The agent beside a stand-in hub, with everything of both in one temporary directory. */
export class AgentWatching implements Watching {
  readonly directory = mkdtempSync(join(tmpdir(), 'bench-peers-'));
  readonly log: string[] = [];
  readonly #counted = new Map<string, Counted>();
  #hub!: LocalHub;
  #child!: ChildProcess;
  #files!: WrittenFiles;
  #ended!: Promise<void>;

  static async start(settings: AgentSettings): Promise<AgentWatching> {
    const watching = new AgentWatching();
    try {
      await watching.#start(settings);
    } catch (error) {
      await watching.stop();
      throw error;
    }
    return watching;
  }

  async #start(settings: AgentSettings): Promise<void> {
    const { directory } = this;
    this.#hub = await LocalHub.start({ stateDirectory: join(directory, 'hub') });
    const configFile = this.#configure(settings);
    const wrapped = Object.entries({
      highPriorityMessageFrequency: 'PT1S',
      lowPriorityMessageFrequency: 'PT1S',
      maxLocalCacheSizeInBytes: cacheBytes,
      ...settings.twin,
    }).map(([key, value]) => [key, { value }] as const);
    this.#hub.patchDesired(deviceId, { [configurationObjectName]: Object.fromEntries(wrapped) });
    const { nodeArguments = [] } = settings;
    const spool = join(directory, 'state', 'spool');
    mkdirSync(spool, { recursive: true, mode: 0o700 });
    chmodSync(join(directory, 'state'), 0o700);
    this.#files = new WrittenFiles([spool]);
    const command = [
      process.execPath,
      ...nodeArguments,
      agentBundle,
      'run',
      '--config',
      configFile,
    ];
    this.#child = spawn('nice', ['-n', String(-niceness), ...command], {
      env: { ...process.env, JOURNAL_STREAM: undefined, NOTIFY_SOCKET: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: directory,
    });
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()));
    const ready = new Promise<void>((resolve, reject) => {
      for (const stream of [this.#child.stdout, this.#child.stderr])
        if (stream !== null)
          createInterface({ input: stream }).on('line', (line) => {
            this.log.push(line);
            if (/\bready\b/.test(line)) resolve();
          });
      this.#child.once('error', reject);
      void this.#ended.then(() => reject(new Error(`The agent ended: ${this.log.join('\n')}`)));
    });
    await ready;
  }

  #configure({ local, everything = false }: AgentSettings): string {
    const { directory } = this;
    const module = this.#hub.registerModule(deviceId);
    const keyFile = join(directory, 'module.key');
    writeFileSync(keyFile, `${module.primaryKey}\n`, { mode: 0o600 });
    mkdirSync(join(directory, 'run'));
    const configFile = join(directory, 'agent.json');
    const config = {
      identity: {
        mode: 'module',
        hostName: module.hubName,
        deviceId,
        moduleId: module.moduleId,
        gatewayHostName: module.gatewayHostName,
        keyFile,
      },
      trustedCaFile: this.#hub.caFile,
      stateDirectory: join(directory, 'state'),
      runtimeDirectory: join(directory, 'run'),
      disabledEvents: everything ? [] : eventNames.filter((name) => !alike.includes(name)),
      ...local,
    };
    writeFileSync(configFile, JSON.stringify(config));
    return configFile;
  }

  pids(): readonly number[] {
    return this.#child.pid === undefined ? [] : [this.#child.pid];
  }

  get #messages(): readonly ReceivedMessage[] {
    return this.#hub.messages;
  }

  told(mark: string): Told {
    const counted = this.#counted.get(mark) ?? new Counted(mark);
    this.#counted.set(mark, counted);
    counted.take(this.#messages);
    return counted.told;
  }

  bytes() {
    const sizes = this.#messages.map(({ sizeBytes }) => sizeBytes);
    return {
      written: this.#files.bytes,
      sent: sizes.reduce((sum, size) => sum + size, 0),
      units: sizes.reduce((sum, size) => sum + Math.ceil(size / 4096), 0),
    };
  }

  found(mark: string) {
    const texts = this.#messages.map(({ receivedAt, body }) => ({
      atMs: receivedAt.getTime(),
      text: body,
    }));
    return { written: this.#files.found(mark), sent: foundIn(texts, mark) };
  }

  /** Ends every connection, and takes no other, until `stop`. */
  takeHubAway(): Promise<void> {
    return this.#hub.stop();
  }

  async stop(): Promise<void> {
    // Whatever failed in starting it, the rest is taken down.
    const child = this.#child as ChildProcess | undefined;
    if (child?.exitCode === null) {
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await this.#ended;
      clearTimeout(kill);
    }
    (this.#files as WrittenFiles | undefined)?.close();
    await this.#hub.stop().catch(() => undefined);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
