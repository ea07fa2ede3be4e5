import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeConfiguration } from '../../../agent/enroll/configuration.js';
import { type ImportPlan, planImport } from '../../../agent/import/plan.js';
import { earlyObjectName } from '../../../config/twin-dialects.js';
import { configurationObjectName } from '../../../config/twin-settings.js';
import { selfSigned } from '../../../local-hub/hub/certificates.js';
import {
  agentId,
  cConfiguration,
  csAuthentication,
  csGeneral,
  csInterface,
  microModuleId,
} from '../../support/old-agents.js';

const key = Buffer.from('a very secret key').toString('base64');
/** As .NET writes it: triple DES, no password. */
const pkcs12 = join(import.meta.dirname, '..', 'identity', 'cases', 'triple-des-empty.p12');
const microString = `HostName=hub.example;DeviceId=device-1;ModuleId=${microModuleId};SharedAccessKey=${key}`;

let root = '';
let directory = '';
let old = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'import-'));
  directory = join(root, 'etc');
  old = join(root, 'old');
  mkdirSync(old);
  put('module.key', `${key}\n`);
});
afterEach(() => rmSync(root, { recursive: true }));

function put(name: string, content: string | Uint8Array): string {
  const path = join(old, name);
  writeFileSync(path, content);
  return path;
}

const plan = (...files: readonly string[]): Promise<ImportPlan> =>
  planImport({ files, directory, groupFile: join(root, 'group') });
const settingsOf = ({ configuration }: ImportPlan): Record<string, unknown> =>
  JSON.parse(configuration.text) as Record<string, unknown>;
const secretsOf = ({ configuration }: ImportPlan): Record<string, string> =>
  Object.fromEntries(
    configuration.secrets.map(({ path, content }) => [
      path.slice(directory.length + 1),
      Buffer.from(content).toString(),
    ]),
  );

describe("a C agent's configuration", () => {
  it('gives its AgentId, its identity and a copy of its key, wherever it lies and whatever it is called', async () => {
    const done = await plan(put('anything', cConfiguration()));
    expect(settingsOf(done)).toEqual({
      agentId,
      logLevel: 'info',
      identity: {
        mode: 'module',
        hostName: 'hub.example',
        deviceId: 'device-1',
        keyFile: join(directory, 'module.key'),
      },
    });
    expect(secretsOf(done)).toEqual({ 'module.key': `${key}\n` });
    expect(done.copies).toEqual([
      { from: join(old, 'module.key'), to: join(directory, 'module.key') },
    ]);
  });

  it('does not show a key that stands in place of its file', async () => {
    const pasted = Buffer.alloc(32, 0xfb).toString('base64');
    const named = plan(put('c.json', cConfiguration({ FilePath: pasted })));
    await expect(named).rejects.toThrow(/where the old agent has its secret, does not exist/);
    await expect(named).rejects.not.toThrow(pasted.slice(-12));
  });

  it('as the device keeps the key of the device, and as DPS what DPS is asked with', async () => {
    const device = await plan(put('c.json', cConfiguration({ Identity: 'Device' })));
    expect(settingsOf(device)['identity']).toEqual({
      mode: 'device',
      hostName: 'hub.example',
      deviceId: 'device-1',
      keyFile: join(directory, 'device.key'),
    });
    const dps = { IDScope: '0ne1', RegistrationId: 'reg-1' };
    const other = await plan(put('c.json', cConfiguration({ Identity: 'DPS', DPS: dps })));
    expect(settingsOf(other)['identity']).toEqual({
      mode: 'dps',
      dps: { idScope: '0ne1', registrationId: 'reg-1' },
      keyFile: join(directory, 'enrollment.key'),
    });
    expect(secretsOf(other)).toEqual({ 'enrollment.key': `${key}\n` });
  });

  it('with a certificate copies that, told by what is in the file', async () => {
    const asDevice = (FilePath: string): string =>
      put(
        'c.json',
        cConfiguration({
          Identity: 'Device',
          AuthenticationMethod: 'SelfSignedCertificate',
          FilePath,
        }),
      );
    const { certificatePem, privateKeyPem } = await selfSigned({ commonName: 'device-1' });
    put('odd.name', certificatePem + privateKeyPem);
    const done = await plan(asDevice('odd.name'));
    expect(settingsOf(done)['identity']).toMatchObject({
      mode: 'device',
      certificateFile: join(directory, 'certificate.pem'),
    });
    expect(secretsOf(done)).toEqual({ 'certificate.pem': certificatePem + privateKeyPem });
    put('half.pem', certificatePem);
    await expect(plan(asDevice('half.pem'))).rejects.toThrow(/half\.pem .*without its private key/);
    const other = await selfSigned({ commonName: 'device-2' });
    put('mixed.pem', certificatePem + other.privateKeyPem);
    await expect(plan(asDevice('mixed.pem'))).rejects.toThrow(
      /mixed\.pem .*do not belong together/,
    );
  });

  it('with PKCS#12 copies that, without a password as the old agents had it', async () => {
    const configuration = cConfiguration({
      Identity: 'Device',
      AuthenticationMethod: 'SelfSignedCertificate',
      FilePath: 'a.pfx',
    });
    put('a.pfx', readFileSync(pkcs12));
    const done = await plan(put('c.json', configuration));
    expect(settingsOf(done)['identity']).toMatchObject({
      certificateFile: join(directory, 'certificate.pfx'),
    });
    expect(done.configuration.secrets[0]?.content).toEqual(readFileSync(pkcs12));
    put('a.pfx', Buffer.from([0x30, 0x82, 0x01, 0x00, 0xff]));
    await expect(plan(put('c.json', configuration))).rejects.toThrow(
      /a\.pfx .*Nothing was changed/,
    );
  });

  it('is written with the modes of enroll, and its key is in no text but the copy', async () => {
    const done = await plan(put('LocalConfiguration.json', cConfiguration()));
    await writeConfiguration(done.configuration);
    expect(readdirSync(directory).toSorted()).toEqual(['agent.json', 'module.key']);
    expect(statSync(join(directory, 'module.key')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(directory, 'agent.json'), 'utf8')).not.toContain(key);
    expect(JSON.stringify({ ...done, configuration: undefined })).not.toContain(key);
  });

  it('has the same settings in force where there are any like them, and names all others with why', async () => {
    const text = cConfiguration(
      {},
      {
        ConnectionTimeout: 'PT1M',
        RemoteConfigurationObjectName: 'ourSettings',
        Logging: { SystemLoggerMinimumSeverity: 3, DiagnoticEventMinimumSeverity: 2 },
        Other: 1,
      },
    );
    const done = await plan(put('c.json', text));
    expect(settingsOf(done)).toMatchObject({
      requestTimeout: 'PT1M',
      remoteConfigurationObjectName: 'ourSettings',
      logLevel: 'error',
    });
    expect(done.left.map((sentence) => sentence.split(' ', 1)[0])).toEqual([
      'TriggerdEventsInterval',
      'DiagnoticEventMinimumSeverity',
      'Other',
    ]);
    expect(done.left.every((sentence) => sentence.includes('is left out: '))).toBe(true);
  });

  it('keeps the other settings of this agent and where it connects to', async () => {
    mkdirSync(directory);
    const before = {
      metricsFile: '/run/a.prom',
      identity: { hostName: 'other', gatewayHostName: 'edge.local', keyFile: '/x' },
    };
    writeFileSync(join(directory, 'agent.json'), JSON.stringify(before));
    const done = await plan(put('c.json', cConfiguration()));
    expect(settingsOf(done)).toMatchObject({
      metricsFile: '/run/a.prom',
      identity: { hostName: 'hub.example', gatewayHostName: 'edge.local' },
    });
  });

  it('without a GUID for an AgentId says that this agent makes one', async () => {
    const done = await plan(put('c.json', cConfiguration({}, { AgentId: 'none' })));
    expect(settingsOf(done)).not.toHaveProperty('agentId');
    expect(done.left[0]).toMatch(/^AgentId \(none\).*makes an id of its own/);
  });
});

describe("a C# agent's configuration", () => {
  it('is taken from its directory, with the transport that is nearest', async () => {
    put(
      'General.config',
      csGeneral({ readRemoteConfigurationTimeout: '00:01:30', logLevel: 'Warning' }),
    );
    put('Authentication.config', csAuthentication({ moduleName: 'other' }));
    put('SecurityIotInterface.config', csInterface({ RemoteConfigurationObject: 'ours' }));
    const done = await plan(old);
    expect(settingsOf(done)).toEqual({
      agentId,
      requestTimeout: 'PT90S',
      logLevel: 'warn',
      remoteConfigurationObjectName: 'ours',
      identity: {
        mode: 'module',
        hostName: 'hub.example',
        deviceId: 'device-1',
        moduleId: 'other',
        keyFile: join(directory, 'module.key'),
      },
    });
    const named = done.left.map((sentence) => sentence.split(' ', 1)[0]);
    expect(named).toEqual([
      'schedulerInterval',
      'producerInterval',
      'consumerInterval',
      'highPriorityQueueSizePercentage',
      'fileLogLevel',
      'diagnosticVerbosityLevel',
      'logFilePath',
      'defaultEventPriority',
      'transportType',
      'facadeType',
    ]);
  });

  it('with its certificate in a store of .NET is refused, with where that is', async () => {
    const text = csAuthentication({
      type: 'SelfSignedCertificate',
      certificateLocationKind: 'Store',
    });
    await expect(plan(put('a.config', text))).rejects.toThrow(/x509stores.*Nothing was changed/);
  });
});

describe("a micro agent's files", () => {
  it('give the module that it was, by its connection string', async () => {
    const done = await plan(put('connection_string.txt', `\n"${microString}"\n`));
    expect(settingsOf(done)).toEqual({
      identity: { mode: 'module', connectionStringFile: join(directory, 'module.connection') },
    });
    expect(secretsOf(done)).toEqual({ 'module.connection': `${microString}\n` });
  });

  it('give its certificate and key, which lie beside the string', async () => {
    const line = 'HostName=hub.example;DeviceId=d;ModuleId=m;x509=true';
    const file = put('connection_string.txt', line);
    await expect(plan(file)).rejects.toThrow(/certificate_public\.pem.* does not exist/);
    const { certificatePem, privateKeyPem } = await selfSigned({ commonName: 'd/m' });
    put('certificate_public.pem', certificatePem);
    put('certificate_private.pem', privateKeyPem);
    expect(settingsOf(await plan(file))['identity']).toEqual({
      mode: 'module',
      connectionStringFile: join(directory, 'module.connection'),
      certificateFile: join(directory, 'certificate.pem'),
      privateKeyFile: join(directory, 'certificate.key'),
    });
  });

  it('give its proxy, with the password in a file of its own', async () => {
    const configuration = {
      IothubModule_ProxyConfig: '192.0.2.1,3128,user,pass,word',
      IothubModule_TransportProtocol: 'AMQP_WebSocket_Protocol',
      LogLevel: 1,
    };
    const done = await plan(put('s', microString), put('conf', JSON.stringify(configuration)));
    expect(settingsOf(done)).toMatchObject({
      proxy: 'http://192.0.2.1:3128',
      proxyCredentialsFile: join(directory, 'proxy.credentials'),
      transport: 'mqtt-websocket',
    });
    expect(secretsOf(done)['proxy.credentials']).toBe('user:pass,word\n');
    expect(done.left.map((sentence) => sentence.split(' ', 1)[0])).toEqual([
      'IothubModule_TransportProtocol',
      'LogLevel',
    ]);
    const odd = put('conf', '{"IothubModule_ProxyConfig": "secret"}');
    await expect(plan(put('s', microString), odd)).rejects.toThrow(/is not "address,port"/);
  });

  it('name what sysinfo.json says, and where this agent takes it from', async () => {
    const done = await plan(
      put('s.txt', microString),
      put('sysinfo.json', '{"HardwareVendor": "Contoso", "FirmwareVersion": "1.2"}'),
    );
    expect(done.left).toEqual([
      expect.stringMatching(/^HardwareVendor \("Contoso"\).*set hardwareVendor in the twin\.$/),
      expect.stringMatching(/^FirmwareVersion.*set firmwareVersion in the twin\.$/),
    ]);
  });
});

describe('a saved twin', () => {
  const object = {
    snapshotFrequency: { value: 'PT1H' },
    maxMessageSizeInBytes: { value: 'large' },
    odd: 1,
  };

  it.each([
    ['whole', { moduleId: 'm', properties: { desired: { [configurationObjectName]: object } } }],
    ['its properties', { desired: { [configurationObjectName]: object }, reported: {} }],
    ['its desired properties', { [configurationObjectName]: object }],
  ])('%s tells what this agent does not take of it', async (_, twin) => {
    const done = await plan(put('c.json', cConfiguration()), put('twin', JSON.stringify(twin)));
    expect(done.read[1]?.is).toMatch(/which stays in the hub/);
    expect(done.left.join('\n')).toMatch(/maxMessageSizeInBytes is "large", but must be/);
    expect(done.left.join('\n')).toMatch(/odd of .*it is no setting/);
  });

  it('from before July 2019 is read under the name that it had then', async () => {
    const twin = {
      desired: { 'azureiot*com^securityAgentConfiguration^1*0*0': { snapshotFrequency: 7 } },
    };
    const done = await plan(put('c.json', cConfiguration()), put('twin', JSON.stringify(twin)));
    expect(done.read[1]?.is).toContain('under its name before July 2019');
    expect(done.left.join('\n')).toContain('snapshotFrequency is 7');
    expect(settingsOf(done)).not.toHaveProperty('remoteConfigurationObjectName');
  });

  it('with its settings under another name has that name taken over', async () => {
    const twin = { desired: { ours: object } };
    const done = await plan(put('c.json', cConfiguration()), put('twin', JSON.stringify(twin)));
    expect(settingsOf(done)).toMatchObject({ remoteConfigurationObjectName: 'ours' });
  });

  it('with the early name of the object needs no setting, so that it may move to the name of today', async () => {
    const twin = { desired: { [earlyObjectName]: { snapshotFrequency: 'PT1H' } } };
    const done = await plan(put('c.json', cConfiguration()), put('twin', JSON.stringify(twin)));
    expect(settingsOf(done)).not.toHaveProperty('remoteConfigurationObjectName');
  });

  it('of a micro agent gives the source of programs, which the file of this agent holds', async () => {
    const twin = {
      desired: {
        Process_Mode: 3,
        Process_PollingInterval: 500_000,
        NetworkActivity_Devices: 'eth1',
      },
    };
    const done = await plan(put('s.txt', microString), put('twin', JSON.stringify(twin)));
    expect(settingsOf(done)).toMatchObject({
      processSource: 'polling',
      processPollingInterval: 'PT0.5S',
    });
    expect(done.left.join('\n')).toMatch(
      /NetworkActivity_Devices is "eth1", which has no effect here/,
    );
    expect(done.left.join('\n')).not.toContain('Process_Mode');
  });

  it('alone is refused where nothing says who the device is, and taken where that is known', async () => {
    const file = put('twin', JSON.stringify({ desired: { ours: object } }));
    await expect(plan(file)).rejects.toThrow(/must say who the device is/);
    await writeConfiguration((await plan(put('c.json', cConfiguration()))).configuration);
    expect(settingsOf(await plan(file))).toMatchObject({
      remoteConfigurationObjectName: 'ours',
      identity: { deviceId: 'device-1' },
    });
  });
});

describe('what cannot be taken over is refused with a sentence, without a secret, and nothing is written:', () => {
  const c = cConfiguration;
  it.each<[string, string, RegExp]>([
    ['nothing', '', /is empty; expected are/],
    ['something else', 'hello', /is of no old agent; expected are/],
    ['other JSON', '{"a": 1}', /JSON of no old agent/],
    ['half of JSON', c().slice(0, 40), /not valid JSON \(line 1/],
    ['JSON that nests deep', '{"Configuration":'.repeat(100), /nested more than/],
    ['XML of something else', '<configuration></configuration>', /which no old agent has/],
    ['XML with a DOCTYPE', '<!DOCTYPE a><General></General>', /not a list of <add/],
    ['an unknown identity', c({ Identity: 'device' }), /Identity.*"device", but must be/],
    ['a prototype for an identity', c({ Identity: 'constructor' }), /must be SecurityModule/],
    ['an unknown method', c({ AuthenticationMethod: 'Tpm' }), /"Tpm", but must be SasToken/],
    ['no device', c({ DeviceId: '' }), /has no Authentication\.DeviceId/],
    ['no path', c({ FilePath: 7 }), /has no Authentication\.FilePath/],
    ['a path that is not there', c({ FilePath: '/nowhere' }), /\/nowhere, where the old agent has/],
    ['a device for a key', c({ FilePath: '/dev/zero' }), /\/dev\/zero.*not a regular file/],
    ['a device id that is none', c({ DeviceId: 'a b' }), /identity\.deviceId is "a b"/],
    ['a key that is none', c({ FilePath: 'c.json' }), /does not hold a key in base64/],
    [
      'a certificate that is none',
      c({ AuthenticationMethod: 'SelfSignedCertificate' }),
      /holds neither a certificate/,
    ],
  ])('%s', async (_, text, sentence) => {
    const error: unknown = await plan(put('c.json', text)).catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty('exitCode', 78);
    expect(String(error)).toMatch(sentence);
    expect(String(error)).toMatch(/Nothing was changed\.$/);
    expect(String(error)).not.toContain(key.slice(0, 10));
    expect(readdirSync(root)).toEqual(['old']);
  });

  it('two files that both say who the device is', async () => {
    const both = [put('c.json', cConfiguration()), put('a.config', csAuthentication())] as const;
    await expect(plan(...both)).rejects.toThrow(/both say who the device is/);
  });

  it('two files that contradict each other', async () => {
    const both = [
      put('c.json', cConfiguration()),
      put('g.config', csGeneral({ logLevel: 'Debug' })),
    ] as const;
    await expect(plan(...both)).rejects.toThrow(/do not say the same of what is logLevel here/);
  });

  it('a file that is far too large', async () => {
    await expect(plan(put('c.json', 'x'.repeat(300_000)))).rejects.toThrow(
      /more than 262144 bytes/,
    );
  });

  it('anything at all', async () => {
    const value = fc.oneof(
      fc.constantFrom('Device', 'DPS', 'SasToken', '', '../x', 'a=b;'),
      fc.anything(),
    );
    const inner = fc.record(
      {
        AgentId: value,
        ConnectionTimeout: value,
        Logging: value,
        Authentication: fc.oneof(
          value,
          fc.record({ Identity: value, FilePath: value, DPS: value }),
        ),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(inner, async (Configuration) => {
        const error: unknown = await plan(put('c.json', JSON.stringify({ Configuration }))).catch(
          (thrown: unknown) => thrown,
        );
        expect(error).toHaveProperty('exitCode', 78);
      }),
    );
  });
});
