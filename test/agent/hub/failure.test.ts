import { describe, expect, it } from 'vitest';
import {
  classifyFailure,
  dropped,
  HubError,
  type FailureKind,
} from '../../../agent/hub/failure.js';

const endpoint = {
  dialled: 'hub.example:8883',
  identity: 'device-1/azureiotsecurity',
  clock: '1970-01-01T00:01:10Z',
};

/** What the device SDK makes of a cause before it has connected once. */
const first = (cause: string): Error =>
  Object.assign(
    new Error(`mqtt.js returned Failure on first connection (Not authorized): ${cause} error`),
    { name: 'UnauthorizedError' },
  );

const classify = (error: unknown): HubError => classifyFailure(error, 'connect', endpoint);

describe('a failure has the kind of its real cause', () => {
  it.each<[cause: string, kind: FailureKind, says: string]>([
    ['getaddrinfo ENOTFOUND other.example', 'network', 'the name other.example does not resolve'],
    ['getaddrinfo EAI_AGAIN hub.example', 'network', 'no name server answered for hub.example'],
    ['connect ECONNREFUSED 127.0.0.1:8883', 'network', 'nobody listens there'],
    ['connect ETIMEDOUT 10.0.0.1:8883', 'network', 'TCP port 8883'],
    ['connack timeout', 'network', 'there was no answer'],
    ['connect ENETUNREACH 10.0.0.1:8883', 'network', 'no route'],
    ['read ECONNRESET', 'network', 'was reset'],
    ['self-signed certificate in certificate chain', 'tls', 'trustedCaFile'],
    ['unable to get local issuer certificate', 'tls', 'trustedCaFile'],
    ['unable to verify the first certificate', 'tls', 'trustedCaFile'],
    ['certificate has expired', 'tls', 'has expired'],
    ['certificate is not yet valid', 'tls', 'clock of the device'],
    [
      "Hostname/IP does not match certificate's altnames: Host: hub.example. is not in the cert's altnames: DNS:localhost",
      'tls',
      'another name than hub.example',
    ],
    ['write EPROTO 00:error:wrong version number', 'tls', 'the TLS handshake failed'],
    ['Connection refused: Not authorized', 'authorisation', 'refused the credentials of device-1'],
    ['Connection refused: Bad username or password', 'authorisation', 'key file'],
    ['Connection refused: Server unavailable', 'unavailable', 'busy'],
    ['Connection refused: Identifier rejected', 'protocol', 'identity.deviceId'],
  ])('%s', (cause, kind, says) => {
    for (const error of [first(cause), new Error(cause)]) {
      const failure = classify(error);
      expect(failure.kind).toBe(kind);
      expect(failure.message).toContain(says);
      expect(failure.message).toMatch(/^Could not connect at hub\.example:8883: .*\.$/);
    }
  });

  it.each([
    ['tlsv1 alert unknown ca', 'must be registered with this thumbprint'],
    ['sslv3 alert bad certificate', 'must be registered with this thumbprint'],
    ['sslv3 alert certificate expired', 'replace it, or set the clock of the device'],
    ['tlsv1 alert access denied', 'must be registered with this thumbprint'],
  ])('the alert "%s" is about the certificate that was shown', (alert, says) => {
    const cause = `write EPROTO 00A0:error:0A000418:SSL routines:ssl3_read_bytes:${alert}:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 48`;
    const proof = { kind: 'certificate', says: 'thumbprint AB' } as const;
    const { kind, message } = classifyFailure(first(cause), 'connect', { ...endpoint, proof });
    expect(kind).toBe('authorisation');
    expect(message).toContain(
      'refused the certificate of device-1/azureiotsecurity in the TLS handshake',
    );
    expect(message).toContain('thumbprint AB');
    expect(message).toContain(says);
    expect(classify(first(cause)).message).toContain('name it in identity.certificateFile');
  });

  it('a key that is refused may be one that the hub takes of no module', () => {
    const { message } = classify(first('Connection refused: Not authorized'));
    expect(message).toMatch(/disableModuleSAS.*\[Authentication \/ Unauthorized\]\.$/);
  });

  it('what the services of IoT Edge signed names no key file', () => {
    const signed = { ...endpoint, proof: { kind: 'signer' } as const };
    const { message } = classifyFailure(
      first('Connection refused: Not authorized'),
      'connect',
      signed,
    );
    expect(message).toContain('which the services of IoT Edge signed');
    expect(message).not.toContain('key file');
  });

  it('the wrapper alone is no refusal of the credentials', () => {
    expect(classify(first('something new')).kind).toBe('protocol');
  });

  it('an answer of the hub keeps its status', () => {
    expect(classify(new Error('the hub answered 429')).kind).toBe('throttled');
    expect(classify(new Error('the hub answered 503 busy')).kind).toBe('unavailable');
    expect(classify(new Error('the hub answered 400 bad key')).message).toContain('400 bad key');
    expect(classify(new Error('the hub answered 400 bad key')).kind).toBe('refused');
  });

  it('the cause is found where the SDK wraps it', () => {
    const transportError = Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
    expect(classify(Object.assign(new Error('wrapped'), { transportError })).kind).toBe('network');
  });

  it('whatever is thrown becomes a sentence', () => {
    const untold = new Error('Failure on first connection (Not authorized): ');
    for (const odd of [undefined, null, 7, {}, '', new Error(''), untold]) {
      expect(classify(odd).message).toBe(
        'Could not connect at hub.example:8883: no reason was given [Authentication / Other].',
      );
    }
    expect(dropped(undefined, endpoint).message).toContain('was lost: it was closed');
    expect(dropped(new Error('It was closed.'), endpoint).message).toBe(
      'The connection to hub.example:8883 was lost: It was closed.',
    );
  });
});

describe('no secret is in a sentence', () => {
  const key = 'c2VjcmV0LWtleQ+/==';
  it.each([
    `HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=${key};GatewayHostName=g`,
    `SharedAccessSignature sr=h%2Fdevices%2Fd&sig=${key}&se=1`,
    `SharedAccessSignature=sr=h&sig=${key}&se=1`,
    `token sr=h&sig=${key}&se=1`,
  ])('%s', (text) => {
    expect(classify(new Error(text)).message).not.toContain('c2VjcmV0');
    expect(dropped(new Error(text), endpoint).message).not.toContain('c2VjcmV0');
    expect(new HubError('protocol', text).message).not.toContain('c2VjcmV0');
  });
});
