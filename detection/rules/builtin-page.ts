import type { Level } from '../language/document.js';
import { levels } from '../language/document.js';
import type { LoadedRule, RuleSet } from './rule-set.js';

/** What the page says of one rule; a correlation has no named values. */
interface Entry {
  readonly alertType: string | undefined;
  readonly description: string | undefined;
  readonly falsePositives: readonly string[];
  readonly file: string;
  readonly id: string;
  readonly isSilent: boolean;
  readonly level: Level | undefined;
  readonly tags: readonly string[];
  readonly title: string;
  readonly values: LoadedRule['values'];
}

const introduction = `# What the agent detects by itself

Made from the documents in \`detection/builtin/\` by \`npm run generate\`. How rules are written, tried and set is told in
[rules.md](rules.md). Each rule can be switched off (\`detectionDisabled\`) and given another level (\`detectionLevels\`) by its
id, in the twin. Its named values are set there by its id, too, and stay when the agent is upgraded:

\`\`\`json
{ "detectionValues": { "ID": { "allowed_parents": ["/opt/app/*"], "allowed_users": ["deploy"] } } }
\`\`\`

Every rule about started programs has \`allowed_parents\` and \`allowed_users\`, texts that its \`ParentImage\` or \`User\` equals, and
\`allowed_commands\`, texts that its command line holds; \`*\` stands for any text. They are empty unless said otherwise. What is low
is a weak sign; \`detectionMinimumLevel\` leaves such alerts out.

`;

const always = ['allowed_parents', 'allowed_users', 'allowed_commands'];

/** The page of the built-in rules, in Markdown. @param falsePositives of each rule, by its id */
export function builtinPage(
  { correlations, rules }: RuleSet,
  falsePositives: ReadonlyMap<string, readonly string[]>,
): string {
  const entries: readonly Entry[] = [
    ...rules,
    ...correlations.map(({ correlation, isSilent, level }) => ({
      ...correlation,
      isSilent,
      level,
    })),
  ].map((rule) => ({ ...rule, falsePositives: falsePositives.get(rule.id) ?? [] }));
  const told = entries.filter(({ isSilent }) => !isSilent);
  const counts = levels
    .toReversed()
    .map((level) => [level, told.filter((entry) => entry.level === level).length] as const)
    .filter(([, count]) => count > 0)
    .map(([level, count]) => `${count} ${level}`);
  const folders = byFolder(told);
  const sections = [...folders].map(
    ([folder, ofFolder]) => `## ${heading(folder)}\n\n${ofFolder.map(section).join('\n')}`,
  );
  return `${introduction}There are ${told.length}: ${counts.join(', ')}.\n\n${sections.join('\n')}`;
}

function byFolder(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries.toSorted((a, b) => (a.file < b.file ? -1 : 1))) {
    const folder = entry.file.slice(0, entry.file.indexOf('/'));
    const group = groups.get(folder);
    if (group === undefined) groups.set(folder, [entry]);
    else group.push(entry);
  }
  return groups;
}

const heading = (folder: string): string =>
  folder.charAt(0).toUpperCase() + folder.slice(1).replaceAll('-', ' ');

function section(entry: Entry): string {
  const { alertType, description, falsePositives, id, level, tags, title, values } = entry;
  const techniques = tags
    .filter((tag) => /^attack\.t\d/.test(tag))
    .map((tag) => tag.slice('attack.'.length).toUpperCase());
  const own = Object.entries(values ?? {}).filter(
    ([name, texts]) => !always.includes(name) || texts.length > 0,
  );
  const tuned = own.map(([name, texts]) =>
    texts.length === 0
      ? `\`${name}\``
      : `\`${name}\` (${texts.map((text) => `\`${text}\``).join(', ')})`,
  );
  return [
    `### ${title}\n`,
    `${level ?? ''}, \`${alertType ?? ''}\`, ${techniques.join(' ')}, \`${id}\`\n`,
    `${description ?? ''}\n`,
    `Harmless: ${falsePositives.join('; ')}.${tuned.length === 0 ? '' : ` Values: ${tuned.join(', ')}.`}\n`,
  ].join('\n');
}
