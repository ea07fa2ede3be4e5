import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { secretNames } from '../../agent/enroll/configuration.js';
import { parseLocalSettings } from '../../config/parse-local-settings.js';

const root = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'identities.md'), 'utf8');
const examples = [...page.matchAll(/```json\n([^]*?)```/g)].map(([, text = '']) => text);

describe('the page on identities', () => {
  it.each(examples)('shows settings that can be used: %s', (text) => {
    expect(parseLocalSettings(text, 'agent.json')).toHaveProperty('settings');
  });

  it('shows an example of each mode', () => {
    const modes = examples.map((text) => /"mode": "(\w+)"/.exec(text)?.[1]);
    expect(new Set(modes)).toEqual(new Set(['module', 'device', 'dps', 'edge']));
  });

  it('names secrets that systemd hands over', () => {
    const unit = readFileSync(join(root, 'systemd', 'iot-security-agent.service'), 'utf8');
    const named = [...page.matchAll(/\/etc\/iot-security-agent\/([\w.]+)"/g)].map(
      ([, name]) => name,
    );
    expect(named.length).toBeGreaterThan(4);
    for (const name of named) expect(unit).toContain(`LoadCredential=${name}:`);
    // As doctor takes for granted.
    for (const name of Object.values(secretNames))
      expect(unit).toContain(`LoadCredential=${name}:`);
  });
});
