import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { reasonOf } from '../base/errors.js';
import { exitCodes } from '../base/exit-codes.js';
import { printable } from '../base/text.js';
import {
  type InventoryName,
  inventoryNames,
  isInventoryName,
} from '../collectors/inventory/names.js';
import { takeInventory } from './inquiries.js';
import { listen } from './listen.js';

/** For a command of a person, who may run these programs anyway. */
export { takeInventory };

/*
 * The inventory process: runs the programs that the agent may not, and writes what they said to standard output, which is
 * the connection where systemd started it. A bundle of its own, of which nothing is in the agent's.
 */

/** What systeminformation gives to its shells; see `environ(7)`. */
const environment = { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

const complain = (sentence: string): void =>
  void process.stderr.write(`iot-security-agent inventory: ${printable(sentence)}\n`);

async function answer(name: InventoryName): Promise<string> {
  try {
    return `${JSON.stringify(await takeInventory(name))}\n`;
  } catch (error) {
    complain(`${name} could not be told: ${reasonOf(error)}.`);
    throw error;
  }
}

/**
 * `inventory NAME`, or `inventory --listen DIRECTORY`.
 * @returns the exit code, when everything is written
 */
export async function main(args: readonly string[]): Promise<number> {
  const [first = '', directory] = args;
  for (const variable of Object.keys(process.env)) Reflect.deleteProperty(process.env, variable);
  Object.assign(process.env, environment);
  if (first === '--listen' && directory !== undefined && args.length === 2) return serve(directory);
  if (!isInventoryName(first) || args.length !== 1) {
    complain(`name one of ${inventoryNames.join(', ')}, or --listen DIRECTORY.`);
    return exitCodes.configuration;
  }
  const text = await answer(first).catch(() => undefined);
  if (text === undefined) return exitCodes.crashed;
  // Whoever asked may have gone.
  process.stdout.on('error', () => undefined);
  await new Promise<void>((resolve) => process.stdout.write(text, () => resolve()));
  return exitCodes.stopped;
}

async function serve(directory: string): Promise<number> {
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.once(signal, () => resolve());
  });
  try {
    const listener = await listen(directory, answer);
    // Whoever started this process may ask now.
    process.stdout.write('listening\n');
    await stopped;
    listener.close();
    return exitCodes.stopped;
  } catch (error) {
    complain(`nobody can ask at ${directory}: ${reasonOf(error)}.`);
    return exitCodes.crashed;
  }
}

function startedDirectly(): boolean {
  const [, script] = process.argv;
  return script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
}

if (startedDirectly()) void main(process.argv.slice(2)).then((code) => process.exit(code));
