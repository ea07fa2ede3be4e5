import { describe, expect, it } from 'vitest';
import {
  connectOptions,
  Message,
  patiently,
  RawClient,
  sdkClient,
  startHub,
} from '../support/hub-fixture.js';

const path = 'devices/device-1/modules/azureiotsecurity/messages/events/';

async function startWithClient() {
  const hub = await startHub();
  const module = hub.registerModule('device-1');
  const { client } = await RawClient.connect(connectOptions(hub, module));
  return { hub, module, client };
}

describe('telemetry', () => {
  it('of the SDK arrives with its properties decoded and its size counted', async () => {
    const hub = await startHub();
    const client = await sdkClient(hub, hub.registerModule('device-1').connectionString);
    await client.open();
    const message = new Message('{"Grüße":1}');
    message.messageId = 'id 1/2';
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    message.properties.add('key one', 'v=1&2');
    await client.sendEvent(message);
    expect(hub.messages).toMatchObject([
      {
        deviceId: 'device-1',
        moduleId: 'azureiotsecurity',
        body: '{"Grüße":1}',
        json: { Grüße: 1 },
        properties: { 'key one': 'v=1&2' },
        systemProperties: { '$.mid': 'id 1/2', '$.ct': 'application/json', '$.ce': 'utf-8' },
        sizeBytes: 13 + 'id 1/2application/jsonutf-8'.length + 'key onev=1&2'.length,
        problems: [],
      },
    ]);
  });

  it('that is no valid security message is named with what is wrong', async () => {
    const hub = await startHub();
    const client = await sdkClient(hub, hub.registerModule('device-1').connectionString);
    await client.open();
    const message = new Message('{"AgentVersion":"1","Events":[]}');
    message.setAsSecurityMessage();
    await client.sendEvent(message);
    const [received] = await hub.awaitMessages((messages) => messages.length === 1, 5000);
    expect(received?.systemProperties).toEqual({
      '$.ifid': 'urn:azureiot:Security:SecurityAgent:1',
    });
    expect(received?.problems).toContain("the message must have required property 'AgentId'");
  });

  it.each([
    ['with quality of service 2', path, 'x', 2],
    ['on a topic of another device', path.replace('device-1', 'device-2'), 'x', 1],
    ['on an unknown topic', 'something/else', 'x', 1],
    ['over 262144 bytes with its properties', `${path}a=b`, Buffer.alloc(262_143), 1],
    ['with broken percent encoding', `${path}%zz=1`, 'x', 1],
  ] as const)('%s ends the connection', async (_name, topic, body, qos) => {
    const { hub, client } = await startWithClient();
    client.publish(topic, body, qos).catch(() => undefined);
    await client.closed;
    expect(hub.messages).toEqual([]);
  });

  it('of the largest size is taken', async () => {
    const { hub, client } = await startWithClient();
    await client.publish(`${path}a=b`, Buffer.alloc(262_142));
    expect(hub.messages[0]?.sizeBytes).toBe(262_144);
  });

  it('is recorded and never acknowledged while acknowledgements are withheld', async () => {
    const { hub, module, client } = await startWithClient();
    hub.faults.withholdAcknowledgements = true;
    let acknowledged = false;
    const withheld = client.publish(path, 'one').then(() => (acknowledged = true));
    await hub.awaitMessages((messages) => messages.length === 1, 5000);
    hub.faults.withholdAcknowledgements = false;
    await client.publish(path, 'two');
    expect(acknowledged).toBe(false);
    expect(hub.messages.map(({ body }) => body)).toEqual(['one', 'two']);
    withheld.catch(() => undefined);
    await RawClient.connect(connectOptions(hub, module));
  });

  it('and other publishes of one client never reach another', async () => {
    const { hub, client } = await startWithClient();
    const other = await RawClient.connect(connectOptions(hub, hub.registerModule('device-2')));
    await other.client.subscribe('$iothub/twin/res/#', '$iothub/twin/PATCH/properties/desired/#');
    await client.subscribe('$iothub/twin/res/#');
    await client.publish(path, 'x');
    await client.publish('$iothub/twin/GET/?$rid=1', '', 0);
    await expect.poll(() => client.received, patiently).toHaveLength(1);
    // An answer to the other one shows that nothing is still on its way to it.
    await other.client.publish('$iothub/twin/GET/?$rid=2', '', 0);
    await expect.poll(() => other.client.received, patiently).toHaveLength(1);
    expect(other.client.received[0]?.topic).toBe('$iothub/twin/res/200/?$rid=2');
  });
});

describe('a will', () => {
  const will = (topic: string, qos: 0 | 1 | 2 = 1) => ({
    will: { topic, payload: 'gone', qos, retain: false },
  });

  it.each(['', 'key=1&other=2', 'key=1/'])(
    'arrives as telemetry of its own kind when the connection breaks: %s',
    async (bag) => {
      const hub = await startHub();
      const module = hub.registerModule('device-1');
      const options = connectOptions(hub, module, will(`${path}${bag}`));
      const { client } = await RawClient.connect(options);
      hub.dropConnections('rst');
      await client.closed;
      const [message] = await hub.awaitMessages((all) => all.length === 1, 10_000);
      expect(message).toMatchObject({
        body: 'gone',
        properties: {
          ...(bag === '' ? {} : { key: '1' }),
          'iothub-MessageType': 'Will',
        },
      });
    },
  );

  it('of a client that takes its leave is forgotten, and no other message is marked', async () => {
    const hub = await startHub();
    const module = hub.registerModule('device-1');
    const { client } = await RawClient.connect(connectOptions(hub, module, will(path)));
    await client.publish(path, 'first');
    await client.leave();
    const { client: next } = await RawClient.connect(connectOptions(hub, module));
    await next.publish(path, 'second');
    expect(hub.messages.map(({ body, properties }) => [body, properties])).toEqual([
      ['first', {}],
      ['second', {}],
    ]);
  });

  it.each([
    ['on another topic', will('devices/device-1/modules/other/messages/events/')],
    ['on a topic of the twin', will('$iothub/twin/GET/?$rid=1')],
    ['with quality of service 2', will(path, 2)],
  ])('%s refuses the connection', async (_, overrides) => {
    const hub = await startHub();
    const options = connectOptions(hub, hub.registerModule('device-1'), overrides);
    await expect(RawClient.connect(options)).rejects.toMatchObject({ code: 5 });
  });
});
