import { realpathSync } from 'node:fs';
import type { ProgramAnswer } from '../collectors/inventory/answer.js';
import { hasLegacyTables, hasNfTables } from './kernel-parts.js';
import { findProgram, runProgram } from './program.js';

/**
 * What the programs of the packet filter say. `iptables-save` is one of two programs, by the choice of the device: the
 * one over nf_tables, whose rules `nft` tells, too, or the legacy one; each says in its first line which it is.
 * @param remainingMs how long the next program may take
 */
export async function firewallPrograms(
  remainingMs: () => number,
): Promise<readonly ProgramAnswer[]> {
  const ask = (program: string, args: readonly string[], isLoaded: () => boolean | undefined) =>
    askWhereLoaded(program, args, isLoaded, { longestMs: remainingMs() });
  const answers = [await ask('nft', ['-j', 'list', 'ruleset'], hasNfTables)];
  for (const family of ['ip', 'ip6'] as const) {
    const legacy = (): boolean => hasLegacyTables(family);
    answers.push(await ask(`${family}tables-legacy-save`, [], legacy));
    const save = `${family}tables-save`;
    answers.push(await ask(save, [], overNfTables(save) ? hasNfTables : legacy));
  }
  return answers;
}

async function askWhereLoaded(
  program: string,
  args: readonly string[],
  isLoaded: () => boolean | undefined,
  limits: { readonly longestMs: number },
): Promise<ProgramAnswer> {
  if (findProgram(program) === undefined) return runProgram(program, args, limits);
  const loaded = isLoaded();
  if (loaded === true) return runProgram(program, args, limits);
  if (loaded === false) return { program, outcome: 'notLoaded', stdout: '', error: '' };
  const error =
    'not asked, because that may load the module nf_tables, and no modules.builtin tells whether it is built in';
  return { program, outcome: 'failed', stdout: '', error };
}

/** Of the program that the link leads to the name tells it: `xtables-nft-multi` or `xtables-legacy-multi`. */
function overNfTables(program: string): boolean {
  const path = findProgram(program);
  return path !== undefined && realpathSync(path).includes('nft');
}
