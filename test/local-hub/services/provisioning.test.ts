import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Authority,
  selfSigned,
  type IssuedCertificate,
} from '../../../local-hub/hub/certificates.js';
import { LocalHub } from '../../../local-hub/hub/local-hub.js';
import { deriveKey } from '../../../local-hub/services/enrolments.js';
import { ProvisioningService } from '../../../local-hub/services/provisioning.js';
import {
  connectOptions,
  minutesFromNow,
  RawClient,
  startHub,
  temporaryDirectory,
} from '../../support/hub-fixture.js';
import { askHttps, type HttpsAnswer } from '../../support/https-request.js';
import { sasToken } from '../../support/sas-token.js';

class Bench {
  constructor(
    readonly hub: LocalHub,
    readonly service: ProvisioningService,
  ) {}

  static async start(): Promise<Bench> {
    const hub = await startHub();
    const service = await ProvisioningService.start({ tls: hub.tls });
    onTestFinished(() => service.stop());
    return new Bench(hub, service);
  }

  /** As the documentation has it. */
  token(key: string, id: string, scope = this.service.idScope, policy = 'registration'): string {
    const token = sasToken(`${scope}/registrations/${id}`, key, minutesFromNow(5));
    return policy === '' ? token : `${token}&skn=${policy}`;
  }

  ask(
    method: string,
    id: string,
    {
      token,
      certificate,
      action = '',
      scope = this.service.idScope,
      body = JSON.stringify({ registrationId: id }),
      version = '2019-03-31',
    }: {
      readonly token?: string;
      readonly certificate?: IssuedCertificate;
      readonly action?: string;
      readonly scope?: string;
      readonly body?: string;
      readonly version?: string;
    },
  ): Promise<HttpsAnswer> {
    return askHttps({
      method,
      port: this.service.port,
      caFile: this.hub.caFile,
      path: `/${scope}/registrations/${id}${action}?api-version=${version}`,
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: token }),
      },
      body: ['PUT', 'POST'].includes(method) ? body : '',
      certificate,
    });
  }

  /** Registers, and asks until it is done. */
  async register(
    id: string,
    proof: { readonly token?: string; readonly certificate?: IssuedCertificate },
  ): Promise<{ polls: number; answer: HttpsAnswer }> {
    let answer = await this.ask('PUT', id, { ...proof, action: '/register' });
    const { operationId } = answer.body as { operationId?: string };
    for (let polls = 0; ; polls += 1) {
      if (answer.status !== 202) return { polls, answer };
      const action = `/operations/${operationId ?? ''}`;
      answer = await this.ask('GET', id, { ...proof, action });
    }
  }
}

const refusal = (errorCode: number): object => ({
  errorCode,
  trackingId: expect.any(String) as unknown,
  message: expect.any(String) as unknown,
  timestampUtc: expect.stringMatching(/Z$/) as unknown,
});

describe('a device with a key of its own', () => {
  it('registers, is asked to wait, and connects to its hub with that key', async () => {
    const made = await Bench.start();
    const { hub, service } = made;
    service.faults.pollsUntilAssigned = 2;
    const key = service.enrolDevice('Dev-1', { hub });
    const token = made.token(key, 'Dev-1');
    const first = await made.ask('PUT', 'Dev-1', { token, action: '/register' });
    expect(first).toMatchObject({
      status: 202,
      headers: { 'retry-after': '3' },
      body: { operationId: expect.any(String) as unknown, status: 'assigning' },
    });
    const { polls, answer } = await made.register('Dev-1', { token });
    expect(polls).toBe(3);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        status: 'assigned',
        registrationState: {
          registrationId: 'dev-1',
          status: 'assigned',
          assignedHub: hub.hubName,
          deviceId: 'dev-1',
          createdDateTimeUtc: expect.stringMatching(/Z$/) as unknown,
        },
      },
    });
    expect(hub.registerDevice('dev-1').primaryKey).toBe(key);
  });

  it('is looked up without being registered again', async () => {
    const made = await Bench.start();
    const { hub, service } = made;
    const key = service.enrolDevice('dev-1', { hub, deviceId: 'Pump-7' });
    const token = made.token(key, 'dev-1');
    expect(await made.ask('POST', 'dev-1', { token })).toMatchObject({
      status: 404,
      body: refusal(404204),
    });
    await service.provision('dev-1');
    const before = service.stateOf('dev-1');
    const { status, body } = await made.ask('POST', 'dev-1', { token });
    expect(status).toBe(200);
    expect(body).toEqual(before);
    expect(body).toMatchObject({
      status: 'assigned',
      substatus: 'initialAssignment',
      assignedHub: hub.hubName,
      deviceId: 'Pump-7',
    });
    expect(service.stateOf('dev-1')).toEqual(before);
  });

  it.each([
    ['another key', (made: Bench, key: string) => made.token(`A${key.slice(1)}`, 'dev-1')],
    ['another id', (made: Bench, key: string) => made.token(key, 'dev-2')],
    ['another scope', (made: Bench, key: string) => made.token(key, 'dev-1', '0ne00OTHER')],
    ['no policy', (made: Bench, key: string) => made.token(key, 'dev-1', undefined, '')],
    ['another policy', (made: Bench, key: string) => made.token(key, 'dev-1', undefined, 'x')],
    ['no token', () => undefined],
  ] as const)('is refused with a token of %s', async (_, tokenOf) => {
    const made = await Bench.start();
    const key = made.service.enrolDevice('dev-1', { hub: made.hub });
    await made.service.provision('dev-1');
    const wrong = tokenOf(made, key);
    const told = { status: 401, body: { ...refusal(401002), message: 'Unauthorized' } };
    expect(
      await made.ask('POST', 'dev-1', wrong === undefined ? {} : { token: wrong }),
    ).toMatchObject(told);
    expect((await made.ask('POST', 'dev-1', { token: made.token(key, 'dev-1') })).status).toBe(200);
  });

  it('may percent-encode what its token is for', async () => {
    const made = await Bench.start();
    const key = made.service.enrolDevice('dev-1', { hub: made.hub });
    await made.service.provision('dev-1');
    const resource = encodeURIComponent(`${made.service.idScope}/registrations/dev-1`);
    const token = `${sasToken(resource, key, minutesFromNow(5))}&skn=registration`;
    expect((await made.ask('POST', 'dev-1', { token })).status).toBe(200);
  });

  it('has to ask rightly', async () => {
    const made = await Bench.start();
    const token = made.token(made.service.enrolDevice('dev-1', { hub: made.hub }), 'dev-1');
    const ask = async (method: string, options: object): Promise<number> =>
      (await made.ask(method, 'dev-1', { token, ...options })).status;
    expect(await ask('POST', { body: '{}' })).toBe(400);
    expect(await ask('POST', { body: 'x' })).toBe(400);
    expect(await ask('POST', { body: `"${'x'.repeat(70_000)}"` })).toBe(400);
    expect(await ask('POST', { version: '' })).toBe(400);
    expect(await ask('POST', { scope: '0ne00OTHER' })).toBe(401);
    expect(await ask('DELETE', {})).toBe(404);
    expect(await ask('GET', { action: '/operations/none' })).toBe(404);
  });
});

describe('a group', () => {
  it('derives the key of a device as the service documents it', () => {
    const groupKey =
      '8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==';
    expect(deriveKey(groupKey, 'sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6')).toBe(
      'Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=',
    );
  });

  it('lets each of its devices in with the derived key, and not with that of another', async () => {
    const made = await Bench.start();
    const keyOf = made.service.enrolGroup({ hub: made.hub });
    for (const id of ['dev-1', 'dev-2']) {
      const { answer } = await made.register(id, { token: made.token(keyOf(id), id) });
      expect(answer.status).toBe(200);
      expect(made.hub.registerDevice(id).primaryKey).toBe(keyOf(id));
    }
    const foreign = made.token(keyOf('dev-1'), 'dev-3');
    expect((await made.register('dev-3', { token: foreign })).answer.status).toBe(401);
  });

  it('of an authority lets in whose certificate it vouches for, under the name of the certificate', async () => {
    const made = await Bench.start();
    const [own, other] = [await Authority.create('CA'), await Authority.create('CA')];
    const hub = made.hub;
    made.service.enrol({ type: 'authority', certificatePem: own.certificatePem }, { hub });
    const plant = await own.createIntermediate('the plant');
    const certificate = await plant.issue({ commonName: 'dev-1' });
    const { answer } = await made.register('dev-1', { certificate });
    expect(answer).toMatchObject({ status: 200, body: { status: 'assigned' } });
    for (const wrong of [
      await other.issue({ commonName: 'dev-1' }),
      await own.issue({ commonName: 'dev-2' }),
      await selfSigned({ commonName: 'dev-1' }),
    ]) {
      const refused = await made.register('dev-1', { certificate: wrong });
      expect(refused.answer).toMatchObject({ status: 401, body: refusal(401002) });
    }
    // The hub takes the very certificate, for the device and to read its module.
    const module = hub.registerModule('dev-1');
    const { status, body } = await askHttps({
      port: hub.httpsPort,
      caFile: hub.caFile,
      path: '/devices/dev-1/modules/azureiotsecurity?api-version=2021-04-12',
      certificate,
    });
    expect(status).toBe(200);
    expect(JSON.stringify(body)).toContain(module.primaryKey);
  });
});

describe('a device with a certificate of its own', () => {
  it('is let in by its thumbprint, and another one is not', async () => {
    const made = await Bench.start();
    const certificate = await selfSigned({ commonName: 'anything' });
    const thumbprints = [certificate.sha1Thumbprint.toLowerCase()];
    made.service.enrol({ type: 'thumbprints', thumbprints }, { hub: made.hub }, 'dev-1');
    expect((await made.register('dev-1', { certificate })).answer.status).toBe(200);
    const stranger = await selfSigned({ commonName: 'anything' });
    expect((await made.register('dev-1', { certificate: stranger })).answer.status).toBe(401);
    expect((await made.register('dev-1', {})).answer.status).toBe(401);
  });
});

describe('the back end of provisioning', () => {
  it('sends a device to another hub while it runs: the first forgets it, the second knows its key', async () => {
    const made = await Bench.start();
    const second = await LocalHub.start({
      stateDirectory: temporaryDirectory(),
      hubName: 'second.azure-devices.net',
    });
    onTestFinished(() => second.stop());
    const key = made.service.enrolDevice('dev-1', { hub: made.hub });
    await made.service.provision('dev-1');
    const module = made.hub.registerModule('dev-1');
    const { client } = await RawClient.connect(connectOptions(made.hub, module));
    const before = made.service.stateOf('dev-1');
    await made.service.reassign('dev-1', second);
    await client.closed;
    const { body } = await made.ask('POST', 'dev-1', { token: made.token(key, 'dev-1') });
    expect(body).toMatchObject({
      assignedHub: 'second.azure-devices.net',
      createdDateTimeUtc: before?.createdDateTimeUtc,
    });
    expect(second.registerDevice('dev-1').primaryKey).toBe(key);
    expect(made.hub.registry.find({ deviceId: 'dev-1' })).toBeUndefined();
  });

  it('has every state told, and a disabled device told so', async () => {
    const made = await Bench.start();
    const token = made.token(made.service.enrolDevice('dev-1', { hub: made.hub }), 'dev-1');
    await made.service.provision('dev-1');
    for (const status of ['unassigned', 'assigning', 'failed'] as const) {
      const errorMessage = 'the hub is full';
      made.service.forceState('dev-1', { status, errorCode: 400209, errorMessage });
      const told = await made.ask('POST', 'dev-1', { token });
      expect(told).toMatchObject({ status: 200, body: { status, errorCode: 400209 } });
      expect((await made.register('dev-1', { token })).answer.body).toMatchObject({ status });
    }
    made.service.forceState('dev-1', undefined);
    made.service.setDisabled('dev-1', true);
    expect((await made.ask('POST', 'dev-1', { token })).body).toMatchObject({ status: 'disabled' });
    expect((await made.register('dev-1', { token })).answer.body).toMatchObject({
      status: 'disabled',
    });
  });

  it('refuses on demand and when asked too often, and knows who asked', async () => {
    const made = await Bench.start();
    const token = made.token(made.service.enrolDevice('dev-1', { hub: made.hub }), 'dev-1');
    await made.service.provision('dev-1');
    const calls: unknown[] = [];
    made.service.onCall(({ method, status }) => calls.push([method, status]));
    made.service.faults.refuse = { status: 503, retryAfterSeconds: 9 };
    expect(await made.ask('POST', 'dev-1', { token })).toMatchObject({
      status: 503,
      headers: { 'retry-after': '9' },
    });
    made.service.faults.refuse = undefined;
    made.service.faults.requestsPerMinute = 1;
    await made.ask('POST', 'dev-1', { token });
    const throttled = await made.ask('POST', 'dev-1', { token });
    expect(throttled).toMatchObject({ status: 429, body: refusal(429001) });
    expect(Number(throttled.headers['retry-after'])).toBeGreaterThan(0);
    expect(calls).toEqual([
      ['POST', 503],
      ['POST', 200],
      ['POST', 429],
    ]);
  });
});
