import { identityWays } from './identity-ways.js';
import { localSettings } from './local-settings.js';
import { isIdle, type MicroAgentSetting, microAgentSettings } from './micro-agent-settings.js';
import type { Setting } from './setting.js';
import { dialectNames, twinDialects } from './twin-dialects.js';
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

## Other dialects of the twin

The agent understands the twins of fleets that were set up for something else. It takes the first of these that stands in
the desired properties; where another stands beside it, that has no effect, and a \`ConfigurationError\` of kind Conflict
says so once. \`iot-security-agent status\` and \`agentStatus.twinDialect\` tell which one is in force, and the settings are
reported in the contract's object, whichever it is.

| Dialect | What stands in the twin |
| --- | --- |
${dialectRows()}

### The micro agent's settings

Flat members of the desired properties, as of the Defender micro agent 4.6.2. A member that is absent has the micro
agent's default. A wrong one is rejected alone and keeps what was in force. What has no effect here is checked, and told as
\`NotOptimal\` when it is not the default. Beside our own objects \`latest_state\` (\`success\` or \`failed\`) and
\`latest_invalid_fields\` are reported, as the micro agent reports them. High events are sent after the High interval, all
others after the Medium one, and snapshots are taken at the Low one. Events that the micro agent does not know have our
defaults.

| Key | Type | Default | What becomes of it |
| --- | --- | --- | --- |
${microAgentRows()}
`;
}

function dialectRows(): string {
  return dialectNames
    .map((name) => `| ${code(name)} | ${cell(twinDialects[name].meaning)} |`)
    .join('\n');
}

function microAgentRows(): string {
  return Object.entries(microAgentSettings)
    .map(([key, setting]) => {
      const idle = isIdle(setting) ? 'No effect: ' : '';
      const says = idle === '' ? setting.says : setting.says.replace(/^[A-Z]/, lowerCase);
      const cells = [code(key), microAgentTypes(setting), code(JSON.stringify(setting.standard))];
      return `| ${[...cells, `${idle}${says}`].map(cell).join(' | ')} |`;
    })
    .join('\n');
}

function lowerCase(letter: string): string {
  return letter.toLowerCase();
}

function microAgentTypes(setting: MicroAgentSetting): string {
  switch (setting.kind) {
    case 'intervals':
      return 'three numbers of minutes, each a multiple of the one before';
    case 'disabled':
      return '`true` or `false`';
    case 'frequency':
      return '`Low`, `Medium` or `High`';
    case 'same':
    case 'idle':
      return typeof setting.standard === 'boolean'
        ? '`true` or `false`'
        : typeof setting.standard === 'number'
          ? 'whole number'
          : 'text';
  }
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function rows(table: Readonly<Record<string, Setting>>): string {
  const head =
    '| Key | Type | Default | Meaning | Change takes effect |\n| --- | --- | --- | --- | --- |';
  const lines = Object.entries(table).map(([key, setting]) => {
    const cells = [code(key), typeOf(setting), standard(setting), setting.meaning, effect(setting)];
    return `| ${cells.map(cell).join(' | ')} |`;
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
    case 'names':
      return `list of ${setting.of}`;
    case 'patterns':
      return `list of up to ${setting.maxItems} regular expressions`;
    case 'texts':
      return `list of up to ${setting.maxItems} ${setting.of}, or a text with commas`;
    case 'record':
      return `object of up to ${setting.maxMembers} members and ${setting.maxBytes} bytes`;
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
