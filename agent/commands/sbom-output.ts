import { writeFile } from 'node:fs/promises';
import { systemClock } from '../../base/clock.js';
import { plainReason } from '../../base/errors.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import type { JsonObject } from '../../base/json.js';
import { printable } from '../../base/text.js';
import { isUnavailable } from '../../base/unavailable.js';
import type { InventoryAnswer } from '../../collectors/inventory/answer.js';
import { type Inventory, InventoryClient } from '../../collectors/inventory/client.js';
import type { InventoryName } from '../../collectors/inventory/names.js';
import { hostPaths } from '../../collectors/kernel/paths.js';
import { takeBill } from '../../collectors/software-inventory/take-bill.js';
import { version } from '../../base/version.js';
import { loadBesideBundle } from './beside-bundle.js';
import type { ParsedArguments } from './command.js';

/** Writes the bill of materials of this device; tells on standard error what is missing in it. */
export async function printBill(parsed: ParsedArguments): Promise<number> {
  const taken = await takeBill({
    paths: hostPaths,
    inventory: personsInventory(parsed.text('inventory') ?? ''),
    signal: new AbortController().signal,
    version,
    timeMs: systemClock.wallMs(),
  });
  if (isUnavailable(taken)) throw new CommandError(taken.unavailable, exitCodes.crashed);
  for (const sentence of taken.unseen) process.stderr.write(`${printable(sentence)}\n`);
  await write(taken.bill, parsed.text('output'));
  return taken.unseen.length === 0 ? exitCodes.stopped : exitCodes.crashed;
}

/**
 * Whoever calls a command may run rpm: where the inventory process may not be asked, or nobody serves its socket, the
 * command does what that would.
 */
function personsInventory(directory: string): Inventory {
  const client = new InventoryClient(directory);
  return {
    async ask(name, signal) {
      const answer = await client.ask(name, signal);
      if (!isUnavailable(answer)) return answer;
      const loaded = loadBesideBundle('iot-security-agent-inventory.cjs');
      if (loaded === undefined) return answer;
      const bundle = loaded as {
        takeInventory(name: InventoryName): Promise<InventoryAnswer>;
      };
      return bundle.takeInventory(name);
    },
  };
}

async function write(bill: JsonObject, file: string | undefined): Promise<void> {
  const text = `${JSON.stringify(bill, undefined, 2)}\n`;
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    await writeFile(file, text);
  } catch (error) {
    const sentence = `The bill of materials cannot be written to ${printable(file)}: ${plainReason(error)}.`;
    throw new CommandError(sentence, exitCodes.crashed);
  }
}
