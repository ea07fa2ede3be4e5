import deviceMqtt from 'azure-iot-device-mqtt';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTwinMessage, guardTwinMessages } from '../../../agent/hub/twin-guard.js';

const patchTopic = '$iothub/twin/PATCH/properties/desired/?$version=2';
const answer = (status: number): string => `$iothub/twin/res/${status}/?$rid=1`;
const check = (topic: string, text: string): unknown => {
  const checked = checkTwinMessage(topic, Buffer.from(text));
  return checked === undefined
    ? undefined
    : checked.length === 0
      ? ''
      : JSON.parse(checked.toString());
};

describe('a twin message', () => {
  it('that is not a JSON object is dropped', () => {
    for (const text of ['', '{', 'null', '[]', '7', '{"a":1,"a":2}', '['.repeat(100_000)]) {
      expect(check(patchTopic, text)).toBeUndefined();
    }
  });

  it('passes without __proto__', () => {
    expect(check(patchTopic, '{"__proto__":{"polluted":1},"a":{"__proto__":2,"b":null}}')).toEqual({
      a: { b: null },
    });
  });

  it('with a refusal and no body is a refusal for the SDK too', () => {
    expect(check(answer(429), '')).toMatchObject({
      errorCode: 429,
      message: 'the hub answered 429',
    });
    expect(check(answer(400), '{"errorCode":400004,"message":"bad"}')).toMatchObject({
      message: 'the hub answered 400 bad',
    });
    expect(check(answer(500), 'oops')).toMatchObject({ message: 'the hub answered 500' });
  });

  it('that acknowledges passes empty, and an answer that is not JSON fails its request', () => {
    expect(check(answer(204), '')).toBe('');
    expect(check(answer(200), '{"desired":{}}')).toEqual({ desired: {} });
    expect(check(answer(200), 'oops')).toMatchObject({ errorCode: 1 });
  });

  it('of any bytes never throws', () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.constantFrom(patchTopic, answer(200), answer(404)),
        (bytes, topic) => {
          checkTwinMessage(topic, Buffer.from(bytes));
        },
      ),
    );
  });
});

describe('the device SDK behind the guard', () => {
  const transport = (): {
    made: InstanceType<typeof deviceMqtt.Mqtt>;
    receive: (text: string) => void;
  } => {
    const provider = { type: 2, on: () => undefined };
    const made = new deviceMqtt.Mqtt(provider as never);
    const inside = made as unknown as {
      _mqtt: NodeJS.EventEmitter;
      _configureEndpoints: (credentials: object) => void;
    };
    inside._configureEndpoints({ host: 'hub.example', deviceId: 'd', moduleId: 'm' });
    const mqtt = inside._mqtt;
    return { made, receive: (text) => void mqtt.emit('message', patchTopic, Buffer.from(text)) };
  };

  it('throws on a change that is not JSON when it is not guarded', () => {
    expect(() => transport().receive('{')).toThrow(SyntaxError);
  });

  it('does not when it is, and goes on to hear of changes', () => {
    const { made, receive } = transport();
    const patches: unknown[] = [];
    const unusable: string[] = [];
    guardTwinMessages(made, (what) => unusable.push(what));
    made.on('twinDesiredPropertiesUpdate', (patch) => patches.push(patch));
    receive('{');
    receive('{"a":1}');
    expect(patches).toEqual([{ a: 1 }]);
    expect(unusable).toEqual([
      'a twin message that is not JSON, on $iothub/twin/PATCH/properties/desired/',
    ]);
  });

  it('is refused when its inside is not where it was', () => {
    expect(() => guardTwinMessages({}, () => undefined)).toThrow('MQTT layer');
  });
});
