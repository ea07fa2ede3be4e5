import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../../../local-hub/hub/certificates.js';
import { ProvisioningService } from '../../../local-hub/services/provisioning.js';
import { agentBundle } from '../../support/running-agent.js';
import { deviceId, IdentityFixture } from '../../support/running-identity.js';

let fixture: IdentityFixture;
let directory: string;
let before: string;

beforeEach(async () => {
  fixture = new IdentityFixture();
  await fixture.startHub();
  fixture.configure();
  const settings = JSON.parse(readFileSync(fixture.configFile, 'utf8')) as object;
  const { gatewayHostName } = fixture.hub.registerModule(deviceId);
  directory = join(fixture.directory, 'etc');
  mkdirSync(directory);
  const restEndpoint = `localhost:${fixture.hub.httpsPort}`;
  before = JSON.stringify({
    ...settings,
    requestTimeout: 'PT5S',
    identity: { gatewayHostName, restEndpoint },
  });
  writeFileSync(join(directory, 'agent.json'), before);
});
afterEach(() => fixture.close());

function enroll(args: readonly string[], input: string) {
  return new Promise<{ code: number | null; output: string }>((resolve) => {
    const all = [agentBundle, 'enroll', '--directory', directory, ...args];
    const child = spawn(process.execPath, all);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('close', (code) => resolve({ code, output }));
  });
}

function moduleString(key?: string): string {
  const { hubName, moduleId, primaryKey } = fixture.hub.registerModule(deviceId);
  return `HostName=${hubName};DeviceId=${deviceId};ModuleId=${moduleId};SharedAccessKey=${key ?? primaryKey}`;
}

function unchanged(output: string): void {
  expect(output).toMatch(/Nothing was changed/);
  expect(readdirSync(directory)).toEqual(['agent.json']);
  expect(readFileSync(join(directory, 'agent.json'), 'utf8')).toBe(before);
}

describe('enroll tries before it writes:', () => {
  it('a module is connected as, and its twin is read', async () => {
    const { code, output } = await enroll([], moduleString());
    expect(output).toContain('Tried: the hub took it, and the module twin can be read.');
    expect(output).toContain(`Enrolled as ${deviceId}/azureiotsecurity`);
    expect(code).toBe(0);
    expect(existsSync(join(directory, 'module.connection'))).toBe(true);
  });

  it('a wrong key writes nothing, and says what to do where the module is not there', async () => {
    const wrong = Buffer.alloc(32, 'wrong').toString('base64');
    const { code, output } = await enroll([], moduleString(wrong));
    expect(code).toBe(78);
    expect(output).toMatch(/choose Add Module Identity, name it azureiotsecurity/);
    expect(output).toContain('--no-try');
    expect(output).not.toContain(wrong.slice(0, 10));
    unchanged(output);
  });

  it('the key of a device has the module read from the registry', async () => {
    const { hubName, primaryKey } = fixture.hub.registerDevice(deviceId);
    const text = `HostName=${hubName};DeviceId=${deviceId};SharedAccessKey=${primaryKey}`;
    const { code, output } = await enroll([], text);
    expect(output).toContain(`Enrolled as ${deviceId}/azureiotsecurity at ${hubName}`);
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(join(directory, 'agent.json'), 'utf8'))).toMatchObject({
      identity: {
        mode: 'device',
        connectionStringFile: join(directory, 'device.connection'),
        restEndpoint: `localhost:${fixture.hub.httpsPort}`,
      },
    });
  });

  it('a device without the module is told to make it', async () => {
    const { hubName, primaryKey } = fixture.hub.registerDevice('device-2');
    const text = `HostName=${hubName};DeviceId=device-2;SharedAccessKey=${primaryKey}`;
    const { code, output } = await enroll([], text);
    expect(code).toBe(78);
    expect(output).toMatch(/Add Module Identity/);
    unchanged(output);
  });

  it('the key of an enrolment group gives that of this device, which alone is kept', async () => {
    const dps = await ProvisioningService.start({ tls: fixture.hub.tls });
    try {
      const groupKey = randomBytes(32).toString('base64');
      const attestation = { type: 'symmetricKey', primaryKey: groupKey, secondaryKey: groupKey };
      fixture.hub.registerDevice(deviceId);
      dps.enrol(attestation as Parameters<typeof dps.enrol>[0], { hub: fixture.hub, deviceId });
      await dps.provision('gateway-17');
      const identity = {
        ...(JSON.parse(before) as { identity: object }).identity,
        dps: { endpoint: `localhost:${dps.port}` },
      };
      const settings = { ...(JSON.parse(before) as object), identity };
      writeFileSync(join(directory, 'agent.json'), JSON.stringify(settings));
      const names = ['--id-scope', dps.idScope, '--registration-id', 'gateway-17'];
      const file = fixture.secret('group.key', groupKey);
      const { code, output } = await enroll(['--group-key-file', file, ...names], '');
      expect(output).toContain(`Enrolled as ${deviceId}/azureiotsecurity`);
      expect(code).toBe(0);
      const written = readdirSync(directory).map((name) =>
        readFileSync(join(directory, name), 'utf8'),
      );
      expect(readdirSync(directory).toSorted()).toEqual(['agent.json', 'enrollment.key']);
      expect(written.join('')).not.toContain(groupKey);
      // What was assigned is noted by the agent, not by the trial.
      expect(existsSync(join(fixture.directory, 'state', 'dps-assignment.json'))).toBe(false);
    } finally {
      await dps.stop();
    }
  });

  it('a certificate that the hub does not know writes nothing', async () => {
    const { certificatePem, privateKeyPem } = await selfSigned({ commonName: deviceId });
    const file = fixture.secret('certificate.pem', certificatePem + privateKeyPem);
    const { hubName } = fixture.hub.registerModule(deviceId);
    const names = ['--host-name', hubName, '--device-id', deviceId];
    const { code, output } = await enroll(['--certificate-file', file, ...names], '');
    expect(code).toBe(78);
    expect(output).not.toContain('PRIVATE');
    unchanged(output);
  });

  it('an agent that runs as the same module is not thrown off', async () => {
    expect((await enroll([], moduleString())).code).toBe(0);
    fixture.configure(
      JSON.parse(readFileSync(join(directory, 'agent.json'), 'utf8')) as Record<string, unknown>,
    );
    await fixture.startAgent();
    const again = await enroll([], moduleString());
    expect(again.output).toContain('Not tried: the agent runs as this module already');
    expect(again.code).toBe(0);
  });
});
