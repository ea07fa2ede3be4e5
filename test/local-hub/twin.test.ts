import type { Twin } from 'azure-iot-device';
import { describe, expect, it } from 'vitest';
import {
  connectOptions,
  patiently,
  RawClient,
  report,
  sdkClient,
  startHub,
  temporaryDirectory,
} from '../support/hub-fixture.js';

async function startWithTwin() {
  const hub = await startHub();
  const client = await sdkClient(hub, hub.registerModule('device-1').connectionString);
  await client.open();
  const twin: Twin = await client.getTwin();
  twin.on('error', () => undefined);
  const desired: unknown[] = [];
  twin.on('properties.desired', (change: unknown) =>
    desired.push(JSON.parse(JSON.stringify(change))),
  );
  await expect.poll(() => desired.length, patiently).toBe(1);
  desired.length = 0;
  return { hub, client, twin, desired };
}

async function startRaw() {
  const hub = await startHub();
  const module = hub.registerModule('device-1');
  const { client } = await RawClient.connect(connectOptions(hub, module));
  await client.subscribe('$iothub/twin/res/#');
  const ask = async (topic: string, body: string | Buffer) => {
    const before = client.received.length;
    await client.publish(topic, body, 0);
    await expect.poll(() => client.received.length, patiently).toBe(before + 1);
    const { topic: answer = '', body: text = '' } = client.received[before] ?? {};
    return { answer, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  };
  return { hub, client, ask };
}

const reportTopic = '$iothub/twin/PATCH/properties/reported/?$rid=r';

describe('a twin', () => {
  it('is read, reported and read again by the SDK, each section with its own version', async () => {
    const { hub, client, twin } = await startWithTwin();
    await report(twin, { a: { b: 1, c: 2 }, list: [1, 2, 3] });
    await report(twin, { a: { b: null, d: 3 }, list: [9] });
    hub.patchDesired('device-1', { wanted: true });
    expect(hub.readTwin('device-1')).toEqual({
      desired: { wanted: true, $version: 2 },
      reported: { a: { c: 2, d: 3 }, list: [9], $version: 3 },
    });
    const again = await client.getTwin();
    expect(again.properties.desired).toMatchObject({ wanted: true, $version: 2 });
  });

  it('patched by the back end notifies with exactly the patch', async () => {
    const { hub, desired } = await startWithTwin();
    hub.patchDesired('device-1', { a: { b: 1 }, c: 2 });
    hub.patchDesired('device-1', { a: { b: null }, c: 2 });
    await expect
      .poll(() => desired, patiently)
      .toEqual([
        { a: { b: 1 }, c: 2, $version: 2 },
        { a: { b: null }, c: 2, $version: 3 },
      ]);
  });

  it('replaced by the back end notifies with null for what vanished', async () => {
    const { hub, desired } = await startWithTwin();
    hub.patchDesired('device-1', { gone: 1, kept: { x: 1, y: 2 } });
    hub.replaceDesired('device-1', { kept: { y: 3 }, fresh: [1] });
    await expect
      .poll(() => desired[1], patiently)
      .toEqual({ gone: null, kept: { x: null, y: 3 }, fresh: [1], $version: 3 });
    expect(hub.readTwin('device-1').desired).toEqual({ kept: { y: 3 }, fresh: [1], $version: 3 });
  });

  it('patched with null for a key that was never there stays as it is, is told, and has a new version', async () => {
    const { hub, desired } = await startWithTwin();
    hub.patchDesired('device-1', { never: null, kept: { a: 1 } });
    hub.patchDesired('device-1', { kept: { never: null }, never: null });
    await expect
      .poll(() => desired, patiently)
      .toEqual([
        { never: null, kept: { a: 1 }, $version: 2 },
        { kept: { never: null }, never: null, $version: 3 },
      ]);
    expect(hub.readTwin('device-1').desired).toEqual({ kept: { a: 1 }, $version: 3 });
  });

  it('notifies nobody who is absent or has not subscribed', async () => {
    const { hub, client, ask } = await startRaw();
    hub.patchDesired('device-1', { a: 1 });
    const { body } = await ask('$iothub/twin/GET/?$rid=1', '');
    expect(body).toMatchObject({ desired: { a: 1, $version: 2 } });
    expect(client.received).toHaveLength(1);
  });

  it('made again begins at version 1, without the session, under new keys', async () => {
    const { hub, client } = await startRaw();
    hub.patchDesired('device-1', { a: 1 });
    const before = hub.registerModule('device-1');
    const after = await hub.recreateModule('device-1');
    expect(after).toEqual(hub.registerModule('device-1'));
    expect([before.primaryKey, before.secondaryKey]).not.toContain(after.primaryKey);
    const withOldKey = connectOptions(hub, before);
    await expect(RawClient.connect(withOldKey)).rejects.toMatchObject({ code: 5 });
    await client.closed;
    expect(hub.readTwin('device-1')).toEqual({
      desired: { $version: 1 },
      reported: { $version: 1 },
    });
    const options = connectOptions(hub, hub.registerModule('device-1'));
    expect((await RawClient.connect(options)).sessionPresent).toBe(false);
  });

  it('is kept over a restart of the hub', async () => {
    const directory = temporaryDirectory();
    const first = await startHub(directory);
    first.registerModule('device-1');
    first.patchDesired('device-1', { a: 1 });
    await first.stop();
    const second = await startHub(directory);
    expect(second.readTwin('device-1').desired).toEqual({ a: 1, $version: 2 });
  });

  it('request is not answered while answers are withheld, or without the subscription', async () => {
    const { hub, client, ask } = await startRaw();
    hub.faults.withholdTwinAnswers = true;
    await client.publish(reportTopic, '{"a":1}', 0);
    await hub.awaitTwin('device-1', ({ reported }) => reported['a'] === 1, 5000);
    hub.faults.withholdTwinAnswers = false;
    expect((await ask(reportTopic, '{"a":2}')).answer).toBe(
      '$iothub/twin/res/204/?$rid=r&$version=3',
    );
    expect(client.received).toHaveLength(1);
  });
});

describe('a report', () => {
  it.each([
    ['that is not JSON', '{', 400, 400004],
    ['that is not UTF-8', Buffer.from('{"a":"gr\xfcn"}', 'latin1'), 400, 400004],
    ['that is no object', '[1]', 400, 400004],
    ['with a key that begins with $', '{"$version":5}', 400, 400004],
    ['with a dot in a nested key', '{"a":{"b.c":1}}', 400, 400004],
    ['with a string over 4 KB', JSON.stringify({ a: 'x'.repeat(4097) }), 400, 400004],
    ['with an integer over 2^52', `{"a":${2 ** 52}}`, 400, 400004],
    ['nested over 10 levels', `${'{"a":'.repeat(11)}1${'}'.repeat(11)}`, 400, 400004],
    [
      'over 32 KB',
      JSON.stringify(
        Object.fromEntries(
          Array.from({ length: 9 }, (_, index) => [`k${index}`, 'x'.repeat(4096)]),
        ),
      ),
      413,
      413001,
    ],
  ])('%s is refused with a body that says why', async (_name, body, status, errorCode) => {
    const { hub, ask } = await startRaw();
    const reply = await ask(reportTopic, body);
    expect(reply.answer).toBe(`$iothub/twin/res/${status}/?$rid=r`);
    expect(reply.body).toMatchObject({ errorCode, message: expect.stringMatching(/.+/) as string });
    expect(hub.readTwin('device-1').reported).toEqual({ $version: 1 });
  });

  it('on a version that has passed is refused with 412', async () => {
    const { ask } = await startRaw();
    expect((await ask(`${reportTopic}&$version=1`, '{"a":1}')).answer).toMatch(/res\/204\//);
    expect((await ask(`${reportTopic}&$version=1`, '{"a":2}')).answer).toMatch(/res\/412\//);
  });

  it('over a user name without api-version is refused', async () => {
    const hub = await startHub();
    const module = hub.registerModule('device-1');
    const username = `${hub.hubName}/device-1/azureiotsecurity`;
    const { client } = await RawClient.connect(connectOptions(hub, module, { username }));
    await client.subscribe('$iothub/twin/res/#');
    await client.publish('$iothub/twin/GET/?$rid=1', '', 0);
    await expect
      .poll(() => client.received[0]?.topic, patiently)
      .toBe('$iothub/twin/res/400/?$rid=1');
  });
});
