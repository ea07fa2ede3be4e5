import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runDemo } from './demo.js';
import { isOffer, offers } from './offered-identity.js';
import { serveHub } from './serve.js';

const usage = `usage: local-hub serve [--state DIRECTORY] [--port PORT] [--device ID] [--faults]
                       [--identity ${Object.keys(offers).join(' | ')}]
                       [--websocket] [--https-port PORT] [--dps-port PORT]
                       [--proxy-port PORT [--proxy-credentials USER:PASSWORD]]
       local-hub demo  [--seconds N] [--json]

serve  runs the stand-in IoT Hub on loopback with one registered module, and what its identity
       needs beside it: the provisioning service, the services of IoT Edge, a proxy
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
      'https-port': { type: 'string' },
      'dps-port': { type: 'string' },
      'proxy-port': { type: 'string' },
      'proxy-credentials': { type: 'string' },
      device: { type: 'string', default: 'device-1' },
      identity: { type: 'string', default: 'module' },
      websocket: { type: 'boolean', default: false },
      faults: { type: 'boolean', default: false },
    },
  });
  const { identity } = values;
  if (!isOffer(identity)) {
    const known = Object.keys(offers).join(', ');
    throw new UsageError(`--identity must be one of ${known}, not '${identity}'`);
  }
  const port = (name: 'port' | 'https-port' | 'dps-port' | 'proxy-port'): number | undefined =>
    numberOption(name, values[name], 65_535);
  await serveHub({
    stateDirectory: resolve(
      values.state ?? join(homedir(), '.local/state/iot-security-agent/local-hub'),
    ),
    port: port('port') ?? 8883,
    httpsPort: port('https-port') ?? 0,
    dpsPort: port('dps-port') ?? 0,
    proxyPort: port('proxy-port'),
    proxyCredentials: values['proxy-credentials'],
    deviceId: values.device,
    identity,
    webSocket: values.websocket,
    faults: values.faults,
    stop: stopSignal(),
    show,
    columns,
  });
  return 0;
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
