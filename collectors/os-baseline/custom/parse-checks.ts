import type { Check } from '../checks/check.js';
import { CustomChecksError } from './custom-error.js';
import { customKindNames, customKinds, type CustomText } from './kinds.js';
import { Members } from './members.js';

const mostChecks = 200;
const deepestNesting = 8;
const severities = ['Critical', 'Important', 'Warning', 'Informational'] as const;

/**
 * The checks of a file in YAML. Anything that is not understood refuses the whole file: half of somebody's rules would look
 * like all of them. YAML is read without types of its own, aliases and merges, so that it holds what is written and no more.
 * @throws CustomChecksError
 */
export async function parseCustomChecks(text: string): Promise<readonly Check[]> {
  const file = new Members(await loadYaml(text), 'the file');
  if (file.value('version') !== 1)
    throw new CustomChecksError('Begin the file with version: 1, the only one there is.');
  const entries = file.list('checks', mostChecks);
  file.done();
  const checks: Check[] = [];
  const ids = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const check = await parseCheck(entry, index + 1);
    if (ids.has(check.id)) throw new CustomChecksError(`Two checks have the id ${check.id}.`);
    ids.add(check.id);
    checks.push(check);
  }
  return checks;
}

async function loadYaml(text: string): Promise<unknown> {
  const { CORE_SCHEMA, load } = await import('js-yaml');
  try {
    return load(text, { schema: CORE_SCHEMA, maxAliases: 0, maxDepth: deepestNesting });
  } catch (error) {
    const line = /\((\d+):\d+\)/.exec(error instanceof Error ? error.message : '')?.[1];
    const where = line === undefined ? '' : ` at line ${line}`;
    throw new CustomChecksError(
      `Correct the file${where}: it is not YAML without aliases, at most ${deepestNesting} levels deep.`,
    );
  }
}

async function parseCheck(entry: unknown, number: number): Promise<Check> {
  const unnamed = new Members(entry, `check number ${number}`);
  const id = unnamed.text(
    'id',
    'letters a-z, digits and hyphens, 3 to 48',
    /^[a-z][a-z0-9-]{2,47}$/,
  );
  const members = new Members(entry, `check ${id}`);
  members.value('id');
  const title = members.text('title', 'a sentence of up to 200 characters', /^[^\0\n]{3,200}$/);
  const severity = members.choice('severity', severities);
  const remedy = members.text('remedy', 'a sentence of up to 500 characters', /^[^\0\n]{3,500}$/);
  const text: CustomText = {
    id: `custom-${id}`,
    subject: 'custom',
    title: title.replace(/\.$/, ''),
    severity,
    remedy,
  };
  const kind = members.oneOf(customKindNames);
  const particular = new Members(members.value(kind), `${kind} of check ${id}`);
  const check = await customKinds[kind](particular, text);
  particular.done();
  members.done();
  return check;
}
