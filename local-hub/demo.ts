import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reasonOf } from '../base/errors.js';
import { printable } from '../base/text.js';
import { configurationObjectName } from '../config/twin-settings.js';
import { brief } from '../contract/sentences.js';
import { AgentProcess, type Ending } from './agent-process.js';
import { InventoryProcess } from './inventory-process.js';
import { LocalHub, type ModuleRegistration } from './hub/local-hub.js';
import type { ReceivedMessage } from './hub/received-message.js';
import { LiveView } from './live-view/live-view.js';

const deviceId = 'demo-device';
const readyLimitMs = 30_000;
const stopLimitMs = 15_000;
const longestLogLine = 4096;

/** Short, so that something is seen within seconds; a device keeps the defaults, which are hours. */
const demoSettings = {
  highPriorityMessageFrequency: { value: 'PT2S' },
  lowPriorityMessageFrequency: { value: 'PT2S' },
  aggregationIntervalProcessCreate: { value: 'PT3S' },
  aggregationIntervalProcessTerminate: { value: 'PT3S' },
  aggregationIntervalConnectionCreate: { value: 'PT3S' },
  snapshotFrequency: { value: 'PT15S' },
} as const;

interface DemoOptions {
  /** The agent's program. */
  readonly agentFile: string;
  /** The program that runs what the agent may not. */
  readonly inventoryFile: string;
  /** Counted from the agent's `ready`; without it the demo runs until `stop` is aborted. */
  readonly seconds: number | undefined;
  /** Instead of the live view, each message body as one line. */
  readonly json: boolean;
  /** Columns of the terminal that the demo is shown on; absent where the lines go elsewhere. */
  readonly columns?: () => number | undefined;
  readonly stop: AbortSignal;
  /** One line of what the demo shows. */
  readonly show: (line: string) => void;
  /** One line of what is said beside it: the agent's log, and failures. */
  readonly say: (line: string) => void;
}

/** Runs the agent against a stand-in hub in a temporary directory; gives the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'iot-security-agent-demo-'));
  let hub: LocalHub | undefined;
  let inventory: InventoryProcess | undefined;
  try {
    hub = await LocalHub.start({ stateDirectory: join(directory, 'hub') });
    const module = hub.registerModule(deviceId);
    hub.patchDesired(deviceId, { [configurationObjectName]: demoSettings });
    inventory = InventoryProcess.start(
      options.inventoryFile,
      join(directory, 'inventory'),
      (line) => options.say(`inventory: ${printable(line, longestLogLine)}`),
    );
    await inventory.ready;
    const configFile = writeAgentConfiguration(directory, hub, module);
    const watch = new Watch(hub, options);
    const ok = await runAgent(configFile, watch, options);
    return ok && watch.invalidMessages === 0 ? 0 : 1;
  } finally {
    inventory?.stop();
    await hub?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function writeAgentConfiguration(
  directory: string,
  hub: LocalHub,
  module: ModuleRegistration,
): string {
  const keyFile = join(directory, 'module.key');
  writeFileSync(keyFile, `${module.primaryKey}\n`, { mode: 0o600 });
  for (const name of ['state', 'run']) mkdirSync(join(directory, name), { mode: 0o700 });
  const configFile = join(directory, 'agent.json');
  const settings = {
    identity: {
      mode: 'module',
      hostName: module.hubName,
      deviceId: module.deviceId,
      moduleId: module.moduleId,
      gatewayHostName: module.gatewayHostName,
      keyFile,
    },
    trustedCaFile: hub.caFile,
    stateDirectory: join(directory, 'state'),
    runtimeDirectory: join(directory, 'run'),
    inventoryDirectory: join(directory, 'inventory'),
  };
  writeFileSync(configFile, `${JSON.stringify(settings, undefined, 2)}\n`, { mode: 0o600 });
  return configFile;
}

/** Shows what happens at the hub. */
class Watch {
  invalidMessages = 0;
  messages = 0;
  readonly #options: DemoOptions;
  readonly #view: LiveView;
  #stopping = false;

  constructor(hub: LocalHub, options: DemoOptions) {
    const { columns } = options;
    this.#options = options;
    this.#view = new LiveView(columns === undefined ? {} : { columns });
    hub.onMessage((message) => this.#onMessage(message));
    if (options.json) return;
    hub.onConnection((event) => this.#show(this.#view.connection(event)));
    hub.onTwinChange((change) => {
      const twin = hub.readTwin(deviceId);
      if (this.#stopping) this.#view.twinOfStopping(change, twin);
      else this.#show(this.#view.twin(change, twin));
    });
  }

  /** The agent was asked to stop. */
  stopping(): void {
    this.#stopping = true;
  }

  /** What is left to say when the agent has stopped. */
  close(): void {
    this.#show(this.#view.untoldLosses());
    const { messages, invalidMessages } = this;
    this.#options.show(`${messages} messages arrived, ${invalidMessages} of them invalid.`);
  }

  #show(lines: readonly string[]): void {
    lines.forEach(this.#options.show);
  }

  #onMessage(message: ReceivedMessage): void {
    this.messages += 1;
    if (message.problems.length > 0) {
      this.invalidMessages += 1;
      const problems = message.problems.map((problem) => brief(problem)).join('; ');
      this.#options.say(`A message does not fit the message schema: ${problems}`);
    }
    if (!this.#options.json) {
      this.#show(this.#view.message(message));
    } else if (message.json !== undefined) {
      // A body over several lines is the same JSON on one.
      this.#options.show(message.body.includes('\n') ? JSON.stringify(message.json) : message.body);
    }
  }
}

async function runAgent(configFile: string, watch: Watch, options: DemoOptions): Promise<boolean> {
  const { show, say, seconds, json, stop } = options;
  const agent = AgentProcess.start(options.agentFile, configFile, (line) =>
    say(`agent: ${printable(line, longestLogLine)}`),
  );
  const killAgent = (): void => agent.kill();
  process.once('exit', killAgent);
  const stopped = new Promise<'stop'>((resolve) => {
    if (stop.aborted) resolve('stop');
    stop.addEventListener('abort', () => resolve('stop'));
  });
  const ready = agent.ready.then(() => 'ready' as const);
  const ended = agent.ended.then(() => 'ended' as const);
  ended.catch(() => {
    // Told below, by whoever waits for it first.
  });
  try {
    if (!json) show(`Starting the agent as ${deviceId}/azureiotsecurity…`);
    let end: 'ready' | 'ended' | 'stop' | 'timeout';
    end = await first(readyLimitMs, [ready, ended, stopped]);
    if (end === 'timeout') {
      say(`The agent did not get ready in ${readyLimitMs / 1000} s; its log above says why.`);
      await agent.stop(stopLimitMs);
      return false;
    }
    if (end === 'ready') {
      if (!json) introduce(seconds, show);
      const limitMs = seconds === undefined ? undefined : seconds * 1000;
      end = await first(limitMs, [ended, stopped]);
    }
    if (end !== 'ended') {
      watch.stopping();
      if (!json) show('Stopping the agent; what it still has to send follows.');
    }
    const ending = await agent.stop(stopLimitMs);
    if (!json) watch.close();
    return judge(ending, end !== 'ended', say);
  } catch (error) {
    say(`The agent could not be started: ${reasonOf(error)}`);
    return false;
  } finally {
    process.off('exit', killAgent);
  }
}

/** The first to come, or `timeout`. */
async function first<T>(
  limitMs: number | undefined,
  candidates: readonly Promise<T>[],
): Promise<T | 'timeout'> {
  if (limitMs === undefined) return Promise.race(candidates);
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(() => resolve('timeout'), limitMs);
  });
  return Promise.race([...candidates, timeout]).finally(() => clearTimeout(timer));
}

function judge({ code, signal }: Ending, asked: boolean, say: (line: string) => void): boolean {
  if (code === 0 && asked) return true;
  if (signal === 'SIGKILL')
    say(`The agent did not stop in ${stopLimitMs / 1000} s and was killed.`);
  else if (asked) say(`The agent ended with ${code ?? signal ?? 'nothing'} instead of 0.`);
  else
    say(`The agent ended by itself with ${code ?? signal ?? 'nothing'}; its log above says why.`);
  return false;
}

function introduce(seconds: number | undefined, show: (line: string) => void): void {
  const until = seconds === undefined ? 'Ctrl-C ends it' : `it ends after ${seconds} seconds`;
  show('');
  show('The agent watches this machine and sends what it sees to a stand-in IoT Hub on loopback.');
  show(`Run a command in another terminal, "id" for example, and see it arrive here; ${until}.`);
  show('What takes minutes and hours on a device takes seconds here.');
  if (process.geteuid?.() !== 0)
    show('It is not root here and sees less than as root; what is missing stands below.');
  show('');
}
