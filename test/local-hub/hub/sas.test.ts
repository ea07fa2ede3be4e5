import { describe, expect, it } from 'vitest';
import { checkToken, resourceCovers } from '../../../local-hub/hub/sas.js';
import { sasToken } from '../../support/sas-token.js';

const resource = 'hub.example/devices/dev(1)/modules/azureiotsecurity';
const primary = Buffer.from('primary').toString('base64');
const secondary = Buffer.from('secondary').toString('base64');
const nowMs = Date.UTC(2030, 0, 1);
const later = nowMs / 1000 + 60;

const check = (token: string) => checkToken(token, { resource, keys: [primary, secondary], nowMs });

describe('a shared access signature', () => {
  it.each([
    ['upper-case hex', encodeURIComponent(resource)],
    ['lower-case hex', 'hub.example%2fdevices%2fdev%281%29%2fmodules%2fazureiotsecurity'],
    ['nothing encoded', resource],
    ['the device as scope', 'hub.example%2Fdevices%2Fdev(1)'],
    ['a host in other letters', encodeURIComponent(resource.replace('hub', 'HUB'))],
  ])('is verified over the resource as it was sent: %s', (_name, rawResource) => {
    expect(check(sasToken(rawResource, primary, later))).toEqual({ expiresAtMs: later * 1000 });
  });

  it('is taken with the secondary key', () => {
    expect(check(sasToken(encodeURIComponent(resource), secondary, later))).toHaveProperty(
      'expiresAtMs',
    );
  });

  it('is taken with an empty name of a policy, which some clients send', () => {
    const token = `${sasToken(encodeURIComponent(resource), primary, later)}&skn=`;
    expect(check(token)).toHaveProperty('expiresAtMs');
  });

  it('is taken with its fields in any order', () => {
    const fields = sasToken(encodeURIComponent(resource), primary, later).split(' ')[1] ?? '';
    const token = `SharedAccessSignature ${fields.split('&').reverse().join('&')}`;
    expect(check(token)).toHaveProperty('expiresAtMs');
  });

  it.each([
    ['another key', sasToken(encodeURIComponent(resource), 'AAAA', later), /neither the primary/],
    [
      'an expiry in the past',
      sasToken(encodeURIComponent(resource), primary, nowMs / 1000),
      /expired at 2030-01-01/,
    ],
    ['another module', sasToken(encodeURIComponent(`${resource}2`), primary, later), /not for/],
    [
      'a resource that was encoded anew after signing',
      sasToken(resource, primary, later).replace(resource, encodeURIComponent(resource)),
      /neither the primary/,
    ],
    [
      'a changed expiry',
      sasToken(encodeURIComponent(resource), primary, later).replace(/se=.*/, `se=${later + 1}`),
      /neither the primary/,
    ],
    [
      'a policy that the hub does not have',
      `${sasToken(encodeURIComponent(resource), primary, later)}&skn=iothubowner`,
      /names the policy 'iothubowner' instead of ''/,
    ],
    ['no token', 'secret', /not a shared access signature/],
    ['broken percent encoding', sasToken('%zz', primary, later), /not for/],
    [
      'a field given twice',
      `${sasToken(encodeURIComponent(resource), primary, later)}&se=${later}`,
      /not a shared access/,
    ],
  ])('is refused with %s', (_name, token, reason) => {
    expect(check(token)).toEqual({ refused: expect.stringMatching(reason) as string });
  });

  it('covers whole segments of a resource only', () => {
    expect(resourceCovers('h/devices/a', 'h/devices/a/modules/m')).toBe(true);
    expect(resourceCovers('h/devices/a', 'h/devices/ab')).toBe(false);
    expect(resourceCovers('h/devices/A', 'h/devices/a')).toBe(false);
    expect(resourceCovers('h/devices/a/modules/m', 'h/devices/a')).toBe(false);
  });
});
