import { expect, it } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { connectionSources } from '../../collectors/connection-create/sources/index.js';
import { createHost } from '../../collectors/host.js';
import { loginSources } from '../../collectors/login/sources/index.js';
import { processSources } from '../../collectors/process-create/sources/index.js';
import { localSettings } from '../../config/local-settings.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';

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

it('kernel audit is left alone where each of them names another source', async () => {
  const others = {
    processSource: 'polling',
    connectionSource: 'polling',
    loginSource: 'wtmp',
  } as const;
  const subscribe = async (changes: object): Promise<unknown> => {
    const settings = { ...standardLocalSettings(), ...others, ...changes };
    const told = { onTampering: () => undefined, onProblem: () => undefined };
    const { audit } = createHost({ clock: systemClock, settings, ...told });
    return audit.subscribe({
      name: 'test',
      rules: [],
      onEvent: () => undefined,
      lose: () => undefined,
      onState: () => undefined,
      onFailed: () => undefined,
    });
  };
  const leftAlone = { unavailable: expect.stringContaining('left alone') as string };
  expect(await subscribe({})).toEqual(leftAlone);
  expect(await subscribe({ loginSource: 'auto' })).not.toEqual(leftAlone);
});
