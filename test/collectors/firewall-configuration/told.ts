import { existsSync, readFileSync } from 'node:fs';
import {
  parseSave,
  type SavedTables,
} from '../../../collectors/firewall-configuration/iptables/save.js';
import { parseRuleset } from '../../../collectors/firewall-configuration/nftables/ruleset.js';
import { toPayloads } from '../../../collectors/firewall-configuration/rules/payloads.js';
import { toldOnce } from '../../../collectors/firewall-configuration/told-once.js';
import type { Payload } from '../../../contract/events.js';

export type Told = Payload<'FirewallConfiguration'>;

/** The text of a file of a captured case; undefined where the program said nothing. */
export function captured(name: string, file: string): string | undefined {
  const path = new URL(`cases/${name}/${file}`, import.meta.url);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

/** What the save programs of a captured case told. */
export async function capturedSaves(name: string): Promise<SavedTables[]> {
  const saves: SavedTables[] = [];
  for (const family of ['ip', 'ip6'] as const)
    for (const file of [`${family}tables-legacy-save.txt`, `${family}tables-save.txt`]) {
      const text = captured(name, file);
      if (text !== undefined) saves.push(await parseSave(text, family));
    }
  return saves;
}

export async function toldOf(name: string): Promise<Told[]> {
  const nft = captured(name, 'nft.json');
  const ruleset = nft === undefined ? undefined : await parseRuleset(nft);
  return toPayloads(toldOnce(ruleset?.chains, await capturedSaves(name)));
}

const short = {
  Protocol: 'proto',
  SourceAddress: 'from',
  SourcePort: 'sport',
  DestinationAddress: 'to',
  DestinationPort: 'dport',
} as const;

/** One line for each entry, for a person to hold against the rules. */
export function lines(payloads: readonly Told[]): string {
  const line = (payload: Told): string => {
    const { Action, ChainName, Direction = '-', Enabled, ExtraDetails = {}, Priority } = payload;
    const { Table, ...details } = ExtraDetails;
    const fields = Object.entries(short).flatMap(([key, name]) => {
      const value = payload[key as keyof typeof short];
      return value === undefined ? [] : [`${name}=${value}`];
    });
    return [
      `${Table} ${ChainName} ${Priority} ${Direction} ${Action}${Enabled ? '' : ' off'}`,
      ...fields,
      ...Object.entries(details).map(([key, value]) => `${key}: ${value}`),
    ].join(' | ');
  };
  return `${payloads.map(line).join('\n')}\n`;
}
