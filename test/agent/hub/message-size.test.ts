import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  frameBytes,
  largestEventBytes,
  largestFrameBytes,
  largestMessageBytes,
  propertiesSizeBytes,
  unitsOf,
} from '../../../agent/hub/message-size.js';
import {
  applicationProperties,
  envelopeText,
  systemProperties,
  type Envelope,
} from '../../../agent/hub/message.js';
import { twinSettings } from '../../../config/twin-settings.js';
import { messageSizeBytes } from '../../../local-hub/hub/property-bag.js';

const printable = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  maxLength: twinSettings.hubResourceId.format.maxLength,
});
const envelopes: fc.Arbitrary<Envelope> = fc.record({
  agentVersion: fc.constantFrom('0.1.0', '12.345.6789-candidate.1'),
  agentId: fc.uuid(),
  hubResourceId: printable,
  securityMarker: fc.boolean(),
});
const priorities = fc.constantFrom('High' as const, 'Low' as const);

describe('the size of a message', () => {
  it('is the frame and the events, whatever the envelope, and never less than the hub counts', () => {
    fc.assert(
      fc.property(
        envelopes,
        priorities,
        fc.uuid(),
        fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
        (envelope, priority, messageId, time) => {
          const { hubResourceId, securityMarker } = envelope;
          const properties = {
            messageId,
            priority,
            creationTimeUtc: time.toISOString(),
            securityMarker,
            ...(hubResourceId === '' ? {} : { hubResourceId }),
          };
          const [head, tail] = envelopeText(envelope);
          const body = `${head}{"Id":"ü"}${tail}`;
          const sizeBytes = Buffer.byteLength(body) + propertiesSizeBytes(properties);
          expect(sizeBytes).toBe(frameBytes(envelope, priority) + '{"Id":"ü"}'.length + 1);
          const counted = messageSizeBytes(Buffer.byteLength(body), {
            system: systemProperties(properties),
            application: applicationProperties(properties),
          });
          expect(counted).toBeLessThanOrEqual(sizeBytes);
        },
      ),
    );
  });

  it('leaves room for the longest frame, and for events in the smallest message', () => {
    fc.assert(
      fc.property(envelopes, priorities, (envelope, priority) => {
        expect(frameBytes(envelope, priority)).toBeLessThanOrEqual(largestFrameBytes);
      }),
    );
    const smallest = twinSettings.maxMessageSizeInBytes.minimum;
    expect(largestEventBytes(smallest)).toBeGreaterThan(smallest / 2);
  });

  it('is bounded by what the hub takes, in units of 4,096 bytes', () => {
    expect(largestMessageBytes).toBe(262_144);
    expect([0, 1, 4096, 4097, largestMessageBytes].map(unitsOf)).toEqual([1, 1, 1, 2, 64]);
  });
});
