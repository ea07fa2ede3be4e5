import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deriveDeviceKey,
  sasToken,
  signWithKey,
} from '../../../../agent/identity/services/sas-token.js';
import { checkToken } from '../../../../local-hub/hub/sas.js';

describe('a shared access signature', () => {
  it('is taken by the hub for whatever ids and key', async () => {
    const id = fc.stringMatching(/^[A-Za-z0-9.%_*?!(),:=@$'-]{1,40}$/);
    const key = fc.uint8Array({ minLength: 16, maxLength: 64 });
    await fc.assert(
      fc.asyncProperty(id, key, async (deviceId, bytes) => {
        const base64 = Buffer.from(bytes).toString('base64');
        const resource = `hub.example/devices/${deviceId}`;
        const token = await sasToken({ resource, expiry: 2_000_000_000 }, signWithKey(base64));
        const verdict = checkToken(token, { resource, keys: [base64], nowMs: 0 });
        expect(verdict).toEqual({ expiresAtMs: 2_000_000_000_000 });
      }),
    );
  });

  it('names the policy where one is wanted, and takes a signature that comes later', async () => {
    const token = await sasToken({ resource: 'a/b', expiry: 1, policy: 'registration' }, (text) =>
      Promise.resolve(`of ${text}`),
    );
    expect(token).toBe('SharedAccessSignature sr=a%2Fb&sig=of%20a%252Fb%0A1&se=1&skn=registration');
  });
});

it('the key of a device is derived from that of its group as the service documents it', () => {
  expect(
    deriveDeviceKey(
      '8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==',
      'sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6',
    ),
  ).toBe('Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=');
});
