import { describe, expect, it } from 'vitest';
import { ProvisioningService } from '../../../../agent/identity/services/provisioning.js';
import { ServiceError } from '../../../../agent/identity/services/service-error.js';
import { checkToken } from '../../../../local-hub/hub/sas.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { httpsService, type Scripted } from '../../../support/https-service.js';

const nowMs = Date.UTC(2026, 10, 28);
const key = Buffer.alloc(32, 'enrolment').toString('base64');
const registration = {
  idScope: '0ne00000A1B',
  registrationId: 'gate:way-17',
  proof: { kind: 'key', sharedAccessKey: key },
} as const;
const assigned = { status: 'assigned', assignedHub: 'hub.example', deviceId: 'device-1' };
const base = '/0ne00000A1B/registrations/gate%3Away-17';
const query = '?api-version=2019-03-31';

/** Time passes whenever somebody waits for it. */
class HastyClock extends FakeClock {
  override after(...parameters: Parameters<FakeClock['after']>): ReturnType<FakeClock['after']> {
    const timer = super.after(...parameters);
    void this.advance(parameters[0]);
    return timer;
  }
}

const dps = (clock = new FakeClock()) => new ProvisioningService({ clock, hubTimeMs: () => nowMs });

async function failureOf(work: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ServiceError);
  const failure = error as ServiceError;
  for (const secret of [key, 'SharedAccessSignature', 'TELLTALE']) {
    expect(failure.message).not.toContain(secret);
  }
  expect(failure.message).toMatch(/^Could not .* at localhost:\d+: .*\.$/);
  return failure;
}

async function lookUp(answer: Scripted): Promise<unknown> {
  const { service } = await httpsService(() => answer);
  return dps().lookUp({ ...service, settings: 'identity.dps.endpoint' }, registration);
}

describe('the look-up of the hub of a device', () => {
  it('asks for the registration with a token for it, and registers nothing', async () => {
    const { service, asked } = await httpsService(() => ({ body: assigned }));
    expect(await dps().lookUp(service, registration)).toEqual({
      hostName: 'hub.example',
      deviceId: 'device-1',
    });
    expect(asked).toMatchObject([
      { method: 'POST', path: `${base}${query}`, body: '{"registrationId":"gate:way-17"}' },
    ]);
    const verdict = checkToken(asked[0]?.headers.authorization ?? '', {
      resource: '0ne00000A1B/registrations/gate:way-17',
      keys: [key],
      policy: 'registration',
      nowMs,
    });
    expect(verdict).toEqual({ expiresAtMs: nowMs + 600_000 });
  });

  it.each([[{ status: 404 }], [{ body: { status: 'unassigned' } }]])(
    'that is answered %j found none',
    async (answer) => {
      expect(await lookUp(answer)).toBeUndefined();
    },
  );

  it.each([
    [{ status: 401, body: 'TELLTALE' }, 'authorisation', 'it refused gate:way-17 under the ID'],
    [{ status: 429 }, 'throttled', 'asks for fewer requests'],
    [{ status: 503 }, 'unavailable', 'has trouble (503)'],
    [{ status: 418 }, 'protocol', 'answered 418; check identity.dps.endpoint'],
    [{ body: { status: 'assigning' } }, 'unavailable', 'it is being assigned to one just now'],
    [{ body: { status: 'disabled' } }, 'authorisation', 'is disabled; enable it'],
    [
      { body: { status: 'failed', errorCode: 400_208, errorMessage: 'TELLTALE' } },
      'authorisation',
      'the registration has failed (error 400208)',
    ],
    [{ body: { status: 'TELLTALE' } }, 'protocol', 'not the state of a registration'],
    [{ body: 'TELLTALE' }, 'protocol', 'not the state of a registration'],
    [
      { body: { ...assigned, assignedHub: 'TELLTALE hub' } },
      'protocol',
      'whose name no hub or device can have',
    ],
    [
      { body: { ...assigned, deviceId: 'TELLTALE/#' } },
      'protocol',
      'whose name no hub or device can have',
    ],
  ] as const)('that is answered %j is told as what it is', async (answer, kind, said) => {
    const failure = await failureOf(lookUp(answer));
    expect(failure.kind).toBe(kind);
    expect(failure.message).toContain(said);
  });
});

describe('the registration of a device', () => {
  it('waits as long as it is told to between two questions whether it is done', async () => {
    const clock = new HastyClock();
    const waits: number[] = [];
    let lastMs = clock.monotonicMs();
    const { service, asked } = await httpsService((_, number) => {
      waits.push(clock.monotonicMs() - lastMs);
      lastMs = clock.monotonicMs();
      if (number < 3) {
        const headers = number === 1 ? { 'retry-after': '5' } : {};
        return { status: 202, headers, body: { operationId: '4.a/b', status: 'assigning' } };
      }
      return { body: { operationId: '4.a/b', status: 'assigned', registrationState: assigned } };
    });
    expect(await dps(clock).register(service, registration)).toEqual({
      hostName: 'hub.example',
      deviceId: 'device-1',
    });
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `PUT ${base}/register${query}`,
      `GET ${base}/operations/4.a%2Fb${query}`,
      `GET ${base}/operations/4.a%2Fb${query}`,
    ]);
    expect(waits).toEqual([0, 5_000, 3_000]);
  });

  it('is given up for now when no hub is assigned in a minute', async () => {
    const answer = { status: 202, body: { operationId: '4', status: 'assigning' } };
    const { service, asked } = await httpsService(() => answer);
    const failure = await failureOf(dps(new HastyClock()).register(service, registration));
    expect(failure.kind).toBe('unavailable');
    expect(failure.message).toContain('no hub was assigned in 60 s');
    expect(asked.length).toBeLessThan(25);
  });

  it.each([
    [{ status: 404 }, 'has no enrolment for gate:way-17'],
    [{ status: 202, body: { status: 'assigning' } }, 'says neither that it is assigned nor'],
  ])('that is answered %j is told', async (answer, said) => {
    const { service } = await httpsService(() => answer);
    expect((await failureOf(dps().register(service, registration))).message).toContain(said);
  });
});
