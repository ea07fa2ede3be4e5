import { expect, it } from 'vitest';
import { connectionSources } from '../../collectors/connection-create/sources/index.js';
import { loginSources } from '../../collectors/login/sources/index.js';
import { processSources } from '../../collectors/process-create/sources/index.js';
import { localSettings } from '../../config/local-settings.js';

it.each([
  ['processSource', processSources],
  ['connectionSource', connectionSources],
  ['loginSource', loginSources],
] as const)('%s can name each source of its collector, and nothing else', (setting, sources) => {
  const names = sources.map(({ name }) => name);
  // Two sources that are used together are no choice of their own: auto takes them.
  const single = names.filter((name) => !name.includes('+'));
  expect(localSettings[setting].values).toEqual(['auto', ...single]);
  expect(new Set(names).size).toBe(names.length);
});
