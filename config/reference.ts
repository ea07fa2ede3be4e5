import { identityWays } from './identity-ways.js';
import { localSettings } from './local-settings.js';
import type { Setting } from './setting.js';
import { configurationObjectName, twinSettings } from './twin-settings.js';

/** The reference page, in Markdown. */
export function reference(): string {
  return `# Settings

Generated from the declarations in \`config/\` by \`npm run generate\`; a test fails when the two differ.

## Local file

\`/etc/iot-security-agent/agent.json\`, read once at start. A dot in a key stands for a nested object. An unknown key, a
value of the wrong type or one beyond its bounds is an error: \`iot-security-agent check-config\` tells all of them. The
schema is \`agent.schema.json\`, beside this text.

${rows(localSettings)}

Of \`identity\` these belong together; each line is one way to say who the agent is and to prove it:

${identityRows()}

## Module twin

Each setting is a member of the desired property \`${configurationObjectName}\` and holds an object with one member,
\`value\`: \`"highPriorityMessageFrequency": {"value": "PT7M"}\`. The schema is \`twin.schema.json\`, beside this text.

- A key that is absent or null, or whose \`value\` is null, has its default.
- A value that cannot be used is rejected alone: the key keeps its last good value, or else its default.
- A value beyond its bounds is taken as the bound.
- Case does not matter in priorities. Whole numbers and truth values may be written as text.
- A duration is ISO-8601 with weeks and fractions; a year counts as 365 days and a month as 30.
- The reported property of the same name holds what is in force: a duration exactly as it was written, a priority as
  \`Off\`, \`Low\` or \`High\`. A setting without a value is not there, nor is one of an event that no collector of the
  running version produces.

${rows(twinSettings)}
`;
}

function rows(table: Readonly<Record<string, Setting>>): string {
  const head =
    '| Key | Type | Default | Meaning | Change takes effect |\n| --- | --- | --- | --- | --- |';
  const lines = Object.entries(table).map(([key, setting]) => {
    const cells = [code(key), typeOf(setting), standard(setting), setting.meaning, effect(setting)];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [head, ...lines].join('\n');
}

function identityRows(): string {
  const names = (keys: readonly string[]): string =>
    keys.length === 0 ? 'nothing' : keys.map(code).join(', ');
  const lines = identityWays.map(
    ({ mode, needs, takes }) => `| ${code(mode)} | ${names(needs)} | ${names(takes)} |`,
  );
  return ['| Mode | Needs | Also takes |', '| --- | --- | --- |', ...lines].join('\n');
}

function typeOf(setting: Setting): string {
  switch (setting.kind) {
    case 'duration':
      return `duration, ${setting.minimum} to ${setting.maximum}`;
    case 'integer':
      return `integer, ${setting.minimum} to ${setting.maximum} ${setting.unit}`;
    case 'boolean':
      return '`true` or `false`';
    case 'priority':
      return '`Off`, `Low` or `High`';
    case 'choice':
      return setting.values.map(code).join(', ');
    case 'string':
      return setting.format.says;
    case 'patterns':
      return `list of up to ${setting.maxItems} regular expressions`;
  }
}

function standard(setting: Setting): string {
  if (setting.kind === 'priority' && setting.inherits !== undefined) {
    return `that of ${code(setting.inherits)}, else ${code(String(setting.default))}`;
  }
  if (setting.default === undefined) return 'absent';
  return code(JSON.stringify(setting.default));
}

function effect(setting: Setting): string {
  return setting.applies === 'live' ? 'at once' : 'at restart';
}

function code(text: string): string {
  return `\`${text}\``;
}
