import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { replaceFileSync } from '../base/replace-file.js';
import { runDemo } from './demo.js';
import { takeFault } from './fault-commands.js';
import { LocalHub } from './hub/local-hub.js';
import { LiveView } from './live-view/live-view.js';

const usage = `usage: local-hub serve [--state DIRECTORY] [--port PORT] [--device ID] [--faults]
       local-hub demo  [--seconds N] [--json]

serve  runs the stand-in IoT Hub on loopback with one registered module
demo   runs the hub and the agent together and shows what arrives
`;

/** The arguments cannot be used; the message says which. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

function numberOption(name: string, text: string | undefined, largest: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value > largest) {
    throw new UsageError(`--${name} must be a number from 0 to ${largest}, not '${text}'`);
  }
  return value;
}

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => controller.abort());
  }
  // Nobody reads any more, as behind `| head`.
  process.stdout.on('error', () => controller.abort());
  return controller.signal;
}

const show = (line: string): void => void process.stdout.write(`${line}\n`);
/** Undefined where standard output is no terminal. */
const columns = (): number | undefined =>
  process.stdout.isTTY ? process.stdout.columns : undefined;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** The stand-in hub alone, until it is told to stop. */
async function runHub(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      state: { type: 'string' },
      port: { type: 'string' },
      device: { type: 'string', default: 'device-1' },
      faults: { type: 'boolean', default: false },
    },
  });
  const stateDirectory = resolve(
    values.state ?? join(homedir(), '.local/state/iot-security-agent/local-hub'),
  );
  const stop = stopSignal();
  const port = numberOption('port', values.port, 65_535) ?? 8883;
  const hub = await LocalHub.start({ stateDirectory, port });
  try {
    showHub(hub, stateDirectory, values.device);
    if (values.faults) takeFaults(hub, stop);
    await new Promise<void>((done) => stop.addEventListener('abort', () => done()));
  } finally {
    await hub.stop();
  }
  return 0;
}

/** From here on each line of standard input is a fault to make; its end changes nothing. */
function takeFaults(hub: LocalHub, stop: AbortSignal): void {
  show("Faults are taken from standard input, a line each; 'help' lists them.");
  createInterface({ input: process.stdin, signal: stop }).on('line', (line) =>
    takeFault(hub, line).forEach(show),
  );
}

/** Registers the device, says how to connect as its module, and shows what arrives from then on. */
function showHub(hub: LocalHub, stateDirectory: string, deviceId: string): void {
  const { connectionString, moduleId } = hub.registerModule(deviceId);
  const connectionStringFile = join(stateDirectory, `${deviceId}.connection-string`);
  replaceFileSync(connectionStringFile, `${connectionString}\n`, 0o600);
  show(`The stand-in hub ${hub.hubName} listens on localhost:${hub.port}.`);
  show(`Connection string of ${deviceId}/${moduleId}: ${connectionStringFile}`);
  show(`Its authority, for the setting trustedCaFile: ${hub.caFile}`);
  const view = new LiveView({ columns });
  hub.onConnection((event) => view.connection(event).forEach(show));
  hub.onMessage((message) => view.message(message).forEach(show));
  hub.onTwinChange((change) => {
    if (change.deviceId !== deviceId || change.moduleId !== moduleId) return;
    view.twin(change, hub.readTwin(deviceId)).forEach(show);
  });
}

async function runDemoCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { seconds: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  const programs = dirname(fileURLToPath(import.meta.url));
  return runDemo({
    agentFile: join(programs, 'iot-security-agent.cjs'),
    inventoryFile: join(programs, 'iot-security-agent-inventory.cjs'),
    seconds: numberOption('seconds', values.seconds, 86_400),
    json: values.json,
    columns,
    stop: stopSignal(),
    show,
    say,
  });
}

/** Runs `serve` or `demo`; gives the exit code. Problems are told on standard error. */
export async function main(args: readonly string[]): Promise<number> {
  const [verb, ...rest] = args;
  try {
    if (verb === 'serve') return await runHub(rest);
    if (verb === 'demo') return await runDemoCommand(rest);
    throw new UsageError(verb === undefined ? 'a verb is missing' : `there is no verb '${verb}'`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const wrongArguments =
      error instanceof UsageError ||
      ('code' in error && String(error.code).startsWith('ERR_PARSE'));
    say(`local-hub: ${error.message}`);
    if (wrongArguments) say(usage);
    return wrongArguments ? 78 : 1;
  }
}

/** The verb `local-hub` of the agent's command line, in a development checkout. */
export function serve(args: readonly string[]): Promise<number> {
  return main(['serve', ...args]);
}

function startedDirectly(): boolean {
  const [, script] = process.argv;
  return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
}

if (startedDirectly()) {
  void main(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
}
