import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { checkConfig } from '../../../agent/commands/check-config.js';
import type { JsonValue } from '../../../base/json.js';
import type { Collector } from '../../../collectors/interface/collector.js';
import { collectors } from '../../../collectors/registry.js';
import { earlyObjectName } from '../../../config/twin-dialects.js';
import { configurationObjectName } from '../../../config/twin-settings.js';

let directory = '';
let configFile = '';
let twinFile = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'check-config-'));
  configFile = join(directory, 'agent.json');
  twinFile = join(directory, 'twin.json');
  const keyFile = join(directory, 'key');
  await writeFile(keyFile, 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=\n', { mode: 0o600 });
  await writeFile(
    configFile,
    JSON.stringify({ identity: { hostName: 'hub.example', deviceId: 'device-1', keyFile } }),
  );
});
afterEach(() => rm(directory, { recursive: true }));

async function check(twin?: JsonValue): Promise<{ code: number; text: string }> {
  let text = '';
  if (twin !== undefined) await writeFile(twinFile, JSON.stringify(twin));
  const code = await checkConfig({
    configFile,
    ...(twin === undefined ? {} : { twinFile }),
    write: (line) => (text += line),
  });
  return { code, text: text.replaceAll(directory, '') };
}

test('a usable file is said to be usable, with exit code 0', async () => {
  expect(await check()).toEqual({
    code: 0,
    text: '/agent.json and the credentials it names can be used.\n',
  });
});

test('every problem of the file stands on a line of its own, with exit code 78', async () => {
  await writeFile(
    configFile,
    '{"identity": {"connectionStringFile": "/x"}, "a": 1, "logLevel": "all"}',
  );
  expect(await check()).toEqual({
    code: 78,
    text:
      '/agent.json: a is not a setting; remove it [Local Configuration / Cant Parse Configuration].\n' +
      '/agent.json: logLevel is "all", but must be error, warn, info or debug [Local Configuration / Cant Parse Configuration].\n',
  });
});

test('a file that does not exist is told, with exit code 78', async () => {
  await rm(configFile);
  expect(await check()).toEqual({
    code: 78,
    text: '/agent.json does not exist; create it or correct the path [Local Configuration / File Not Exist].\n',
  });
});

test('credentials that others can read are told, with exit code 78', async () => {
  await chmod(join(directory, 'key'), 0o644);
  const { code, text } = await check();
  expect(code).toBe(78);
  expect(text).toMatch(
    /^\/agent\.json: identity\.keyFile: \/key has mode 0644 .*run: chmod 600 \/key\n$/,
  );
});

test.each([
  ['is a file', 'key', '/key is not a directory'],
  ['is below a file', 'key/state', 'a part of the path /key is not a directory'],
])('a state directory that %s is told, with exit code 78', async (_, place, says) => {
  const settings = JSON.parse(await readFile(configFile, 'utf8')) as object;
  const stateDirectory = join(directory, place);
  await writeFile(configFile, JSON.stringify({ ...settings, stateDirectory }));
  expect(await check()).toEqual({
    code: 78,
    text: `/agent.json: stateDirectory: ${says}; move that away, or set "stateDirectory" to another directory.\n`,
  });
});

test('the key and the trusted certificates are both checked, whichever is wrong', async () => {
  const keyFile = join(directory, 'nowhere');
  const trustedCaFile = join(directory, 'agent.json');
  const identity = { hostName: 'hub.example', deviceId: 'device-1', keyFile };
  await writeFile(configFile, JSON.stringify({ identity, trustedCaFile }), { mode: 0o644 });
  const { code, text } = await check();
  expect(code).toBe(78);
  expect(text).toContain('identity.keyFile: /nowhere does not exist');
  expect(text).toContain('trustedCaFile: /agent.json holds no PEM certificate');
});

const desired = {
  [configurationObjectName]: {
    snapshotFrequency: 'PT1H',
    lowPriorityMessageFrequency: { value: 'P9Y' },
    eventPriorityFoo: { value: 'Low' },
  },
};

test.each<[string, JsonValue]>([
  ['a whole twin', { deviceId: 'd', properties: { desired, reported: {} } }],
  ['the properties', { desired }],
  ['a desired document', desired],
])('%s is checked, and what would be rejected, clamped or ignored is told', async (_, twin) => {
  expect(await check(twin)).toEqual({
    code: 78,
    text:
      '/agent.json and the credentials it names can be used.\n' +
      '/twin.json: not optimal: lowPriorityMessageFrequency is "P9Y", which is longer than the most, P365D; P365D is used.\n' +
      '/twin.json: rejected: snapshotFrequency is "PT1H", but must be an object with a member "value"; PT13H is used.\n' +
      '/twin.json: ignored: "eventPriorityFoo" is not a setting; remove or correct it.\n',
  });
});

test('a twin that is only unwise can be used, with exit code 0', async () => {
  const { code, text } = await check({
    [configurationObjectName]: { highPriorityMessageFrequency: { value: 'P1D' } },
  });
  expect(code).toBe(0);
  expect(text).toContain('/twin.json: conflict: highPriorityMessageFrequency, P1D, is longer than');
  expect(text).toMatch(/\/twin\.json can be used\.\n$/);
});

test('a twin without the configuration object is told to mean the defaults', async () => {
  const { code, text } = await check({ desired: {} });
  expect(code).toBe(0);
  expect(text).toContain(
    `holds no ${configurationObjectName}, so that every setting would have its default`,
  );
});

test.each<[string, JsonValue, string]>([
  ['a list', [], 'the desired document is a list, but must be an object'],
  ['a desired document of the wrong type', { desired: 5 }, 'the desired document is 5'],
])('%s is not a twin', async (_, twin, says) => {
  const { code, text } = await check(twin);
  expect(code).toBe(78);
  expect(text).toContain(says);
});

test('a twin file that is not JSON is told with line and column', async () => {
  await writeFile(twinFile, '{\n"desired": }');
  let text = '';
  const code = await checkConfig({ configFile, twinFile, write: (line) => (text += line) });
  expect(code).toBe(78);
  expect(text).toContain('is not valid JSON: line 2, column 12: a value is expected');
});

test('a setting of an event that nothing here collects is told to be without effect', async () => {
  const all = collectors as Collector[];
  const place = all.findIndex(({ name }) => name === 'ConnectedHardware');
  const removed = all.splice(place, 1);
  onTestFinished(() => void all.splice(place, 0, ...removed));
  const { code, text } = await check({
    [configurationObjectName]: {
      eventPriorityConnectedHardware: { value: 'High' },
      eventPriorityLogin: { value: 'High' },
    },
  });
  expect(code).toBe(0);
  expect(text).toContain(
    'twin.json: without effect: eventPriorityConnectedHardware: this version collects no ConnectedHardware events.\n',
  );
  expect(text).not.toContain('eventPriorityLogin');
});

test('rules in a twin are read, and what is refused is told', async () => {
  const detectionRules = { value: { one: 'title: x\nlevel: loud' } };
  const detectionDisabled = { value: ['nobody'] };
  const { code, text } = await check({
    [configurationObjectName]: { detectionRules, detectionDisabled },
  });
  expect(code).toBe(78);
  expect(text).toContain(
    'twin.json: rejected: detectionRules, one, line 2: Correct level: "loud" is none of',
  );
  expect(text).toContain(
    'twin.json: not optimal: detectionDisabled: there is no rule "nobody"; correct the id, or remove it.',
  );
});

test('a twin of the micro agent is checked by its own keys', async () => {
  const twin = { desired: { Login_Disabled: 'x', Process_Mode: 3, Login_Disable: true } };
  const { code, text } = await check(twin);
  expect(code).toBe(78);
  expect(text).toContain(
    "/twin.json holds the micro agent's settings.\n" +
      '/twin.json: rejected: Login_Disabled is "x", but must be true or false.\n' +
      '/twin.json: not optimal: Process_Mode is 3, which has no effect here. The source is processSource of the local file.\n' +
      '/twin.json: ignored: "Login_Disable" is not a setting; remove or correct it.\n',
  );
});

test('a twin with the early name of the object can be used, and is told where to move it', async () => {
  const { code, text } = await check({ [earlyObjectName]: { eventPriorityLogin: 'Low' } });
  expect(code).toBe(0);
  expect(text).toContain(`${earlyObjectName}: move it to ${configurationObjectName}.`);
});

test('a twin that was saved with a byte order mark is read', async () => {
  await writeFile(twinFile, `\uFEFF${JSON.stringify({ desired: { Login_Disabled: true } })}\r\n`);
  let text = '';
  const code = await checkConfig({ configFile, twinFile, write: (line) => (text += line) });
  expect(text).toContain("holds the micro agent's settings");
  expect(code).toBe(0);
});
