import type { InventoryAnswer } from '../collectors/inventory/answer.js';
import type { InventoryName } from '../collectors/inventory/names.js';
import { firewallPrograms } from './firewall.js';
import { runProgram } from './program.js';
import { systemFacts } from './system.js';

type Findings = Partial<Omit<InventoryAnswer, 'name'>>;

/** How each inventory is taken. Nothing that comes from elsewhere has a part in what is run. */
const inquiries: Readonly<Record<InventoryName, () => Promise<Findings>>> = {
  firewall: async () => ({ programs: await firewallPrograms() }),
  sshd: async () => ({ programs: [await runProgram('sshd', ['-T'])] }),
  system: async () => ({ facts: await systemFacts() }),
};

export async function takeInventory(name: InventoryName): Promise<InventoryAnswer> {
  return { name, programs: [], facts: {}, ...(await inquiries[name]()) };
}
