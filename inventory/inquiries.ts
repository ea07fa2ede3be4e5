import type { InventoryAnswer, ProgramAnswer } from '../collectors/inventory/answer.js';
import { type InventoryName, longestRunMs } from '../collectors/inventory/names.js';
import { rpmArguments } from '../collectors/software-inventory/databases/rpm.js';
import { updatePrograms } from '../collectors/software-inventory/updates/programs.js';
import { firewallPrograms } from './firewall.js';
import { runProgram } from './program.js';
import { systemFacts } from './system.js';

type Findings = Partial<Omit<InventoryAnswer, 'name'>>;
type Inquiry = (remainingMs: () => number) => Promise<Findings>;

/** How each inventory is taken. Nothing that comes from elsewhere has a part in what is run. */
const inquiries: Readonly<Record<InventoryName, Inquiry>> = {
  firewall: async (remainingMs) => ({ programs: await firewallPrograms(remainingMs) }),
  packages: async (remainingMs) => ({
    programs: [await runProgram('rpm', rpmArguments, { longestMs: remainingMs() })],
  }),
  sshd: async (remainingMs) => ({
    programs: [await runProgram('sshd', ['-T'], { longestMs: remainingMs() })],
  }),
  updates: async (remainingMs) => ({ programs: await updatesOf(remainingMs) }),
  system: async () => ({ facts: await systemFacts() }),
};

async function updatesOf(remainingMs: () => number): Promise<readonly ProgramAnswer[]> {
  const answers: ProgramAnswer[] = [];
  for (const { program, arguments: args } of updatePrograms)
    answers.push(await runProgram(program, args, { longestMs: remainingMs() }));
  return answers;
}

/** What of a run is for the start of Node, which systemd counts in, and for writing the answer. */
const reservedMs = 4_000;

/** The programs of a run together have as long as it may take: 5,000 rules of nft take a fast machine two seconds. */
export async function takeInventory(name: InventoryName): Promise<InventoryAnswer> {
  const endMs = performance.now() + longestRunMs - reservedMs;
  const remainingMs = (): number => endMs - performance.now();
  return { name, programs: [], facts: {}, ...(await inquiries[name](remainingMs)) };
}
