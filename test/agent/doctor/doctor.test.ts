import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { doctor } from '../../../agent/commands/doctor.js';
import { findAgentUser, type AgentUser } from '../../../agent/doctor/agent-user.js';
import { checkConfiguration } from '../../../agent/doctor/configuration.js';
import { checkClockAgainst, checkConnection } from '../../../agent/doctor/connection.js';
import { withinDeadline, type Finding } from '../../../agent/doctor/finding.js';
import { auditAdvice } from '../../../agent/doctor/audit.js';
import { checks } from '../../../agent/doctor/checks.js';
import type { Proxy } from '../../../agent/identity/services/proxy-tunnel.js';
import { judge } from '../../../agent/status/health.js';
import { readLocalSettings } from '../../../config/read-local-settings.js';
import { ConnectProxy } from '../../../local-hub/services/proxy.js';
import { openCertificates } from '../../../local-hub/hub/server-certificate.js';
import { soundFacts } from '../../support/status-facts.js';

let directory = '';
let configFile = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'doctor-'));
  configFile = join(directory, 'agent.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

const outcomes = (findings: readonly Finding[]): string =>
  findings.map(({ verdict, found }) => `${verdict}: ${found}`).join('\n');

function configure(changes: Readonly<Record<string, unknown>> = {}): void {
  const keyFile = join(directory, 'key');
  writeFileSync(keyFile, 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=\n', { mode: 0o600 });
  const stateDirectory = join(directory, 'state');
  mkdirSync(stateDirectory, { recursive: true });
  writeFileSync(
    configFile,
    JSON.stringify({
      identity: { hostName: 'localhost', deviceId: 'device-1', keyFile },
      stateDirectory,
      runtimeDirectory: join(directory, 'run'),
      ...changes,
    }),
  );
}

const ownIds = { uid: process.geteuid?.() ?? 0, gids: [process.getegid?.() ?? 0] };
const self = { ids: ownIds, isOfUnit: false };
const nobody = { unanswered: 'The agent is not running.', forbidden: false };
const check = async (user: AgentUser = self): Promise<readonly Finding[]> => {
  const read = await readLocalSettings(configFile);
  return (await checkConfiguration({ configFile, read, user, answer: nobody })).findings;
};

describe('the configuration', () => {
  it('that has messages marked says where those go', async () => {
    configure({ securityMarker: true });
    const marker = (await check()).find(({ check }) => check === 'marker');
    expect(marker).toMatchObject({
      verdict: 'note',
      remedy: expect.stringContaining('remove "securityMarker"') as unknown,
    });
    configure();
    expect(outcomes(await check())).not.toContain('marker');
  });

  it('that can be used is well, with the space that is free', async () => {
    configure();
    const findings = await check();
    expect(new Set(findings.map(({ verdict }) => verdict))).toEqual(new Set(['ok']));
    expect(outcomes(findings)).toMatch(/device-1\/azureiotsecurity at localhost[^]*are free at/);
  });

  it.each([
    ['is missing', () => rmSync(configFile), /mend: .*agent\.json does not exist/],
    ['is broken', () => writeFileSync(configFile, '{"a'), /mend: .*not valid JSON/],
    ['names an open key', () => chmodSync(join(directory, 'key'), 0o644), /mend: .*chmod 600/],
    [
      'names no state directory',
      () => configure({ stateDirectory: configFile }),
      /mend: .* is not a directory/,
    ],
  ])('that %s is to be mended', async (_, breakIt, expected) => {
    configure();
    breakIt();
    expect(outcomes(await check())).toMatch(expected);
  });

  it('whose state directory is not there yet is well', async () => {
    configure({ stateDirectory: join(directory, 'later') });
    expect(outcomes(await check())).toMatch(/note: .*makes it/);
    configure({ stateDirectory: join(directory, 'even', 'later') });
    expect(outcomes(await check())).toMatch(/note: .*makes it/);
  });

  it('is judged for the user of the agent, also when root asks', async () => {
    configure();
    const uid = ownIds.uid + 1;
    const agent = { ids: { uid, gids: [uid] }, isOfUnit: true };
    expect(outcomes(await check(agent))).toMatch(
      new RegExp(`mend: .*state cannot be used: it belongs to .* and not to user ${uid}`),
    );
    configure({ stateDirectory: join(directory, 'later') });
    expect(outcomes(await check(agent))).toMatch(
      new RegExp(`mend: .*later does not exist, and user ${uid}.*may not make it in`),
    );
  });

  it.runIf(ownIds.uid === 0)('whose secret is the own file of the agent is well', async () => {
    configure();
    chownSync(join(directory, 'key'), 65_534, 65_534);
    expect(outcomes(await check())).toMatch(/mend: .*belongs to 65534/);
    const agent = { ids: { uid: 65_534, gids: [65_534] }, isOfUnit: false };
    expect(outcomes(await check(agent))).toMatch(/ok: the credentials of device-1/);
  });

  it('names the standard directory, which systemd makes', async () => {
    configure({ stateDirectory: undefined });
    const agent = { ids: { uid: ownIds.uid + 1, gids: [] }, isOfUnit: true };
    expect(outcomes(await check(agent))).not.toMatch(/may not make it/);
  });
});

describe('the user of the agent', () => {
  it('is that of the agent that runs', async () => {
    const isRoot = ownIds.uid === 0;
    const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], {
      ...(isRoot ? { uid: 65_534, gid: 65_533 } : {}),
    });
    const status = judge({ ...soundFacts, agent: { ...soundFacts.agent, pid: child.pid ?? 0 } });
    const { ids } = await findAgentUser(status, configFile);
    expect(ids?.uid).toBe(isRoot ? 65_534 : ownIds.uid);
    expect(ids?.gids[0]).toBe(isRoot ? 65_533 : ownIds.gids[0]);
    child.kill('SIGKILL');
  });

  it('is who asks where no agent runs and no unit says anything about the configuration', async () => {
    const { ids } = await findAgentUser({ unanswered: '', forbidden: false }, configFile);
    expect(ids?.uid).toBe(ownIds.uid);
    expect(ids?.gids[0]).toBe(ownIds.gids[0]);
  });
});

describe('the way to the hub', () => {
  let server: Server;
  let port = 0;
  let trustedCaPem = '';
  let aheadMs = 0;

  beforeEach(async () => {
    aheadMs = 0;
    const material = await openCertificates(join(directory, 'hub'));
    trustedCaPem = readFileSync(material.caFile, 'utf8');
    server = createServer(
      { key: material.privateKeyPem, cert: material.certificatePem },
      (_, response) => {
        response.sendDate = false;
        response.setHeader('Date', new Date(Date.now() - aheadMs).toUTCString());
        response.end();
      },
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const checkWay = (
    changes: { gatewayHostName?: string; trustedCaPem?: string } = {},
    nowMs?: number,
    proxy?: Proxy,
  ) =>
    checkConnection({
      credentials: {
        hostName: 'hub.example',
        gatewayHostName: `localhost:${port}`,
        deviceId: 'device-1',
        moduleId: 'azureiotsecurity',
        trustedCaPem,
        ...changes,
      },
      transport: 'mqtt',
      proxy: () => Promise.resolve(proxy),
      wallMs: () => nowMs ?? Date.now(),
      httpsPort: port,
    });

  it('that is open is well: name, port, certificate and clock', async () => {
    const findings = await checkWay();
    expect(findings.map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(findings[2]?.found).toMatch(/ more days, issued by iot-security-agent local hub CA$/);
  });

  it('with a clock that is wrong is to be mended', async () => {
    // Half a minute for the check itself, and for a Date header of whole seconds.
    aheadMs = 630_000;
    expect(outcomes(await checkWay())).toMatch(/mend: the clock is 10 min ahead/);
    aheadMs = -630_000;
    expect(outcomes(await checkWay())).toMatch(/mend: the clock is 10 min behind/);
  });

  it('to whoever refused a token tells of the clock', async () => {
    const hub = { hostName: `localhost:${port}`, trustedCaPem };
    const compare = async () =>
      outcomes([
        await checkClockAgainst(
          hub,
          () => Promise.resolve(undefined),
          () => Date.now(),
        ),
      ]);
    expect(await compare()).toMatch(/^ok: the clock agrees/);
    aheadMs = 630_000;
    expect(await compare()).toMatch(/^mend: the clock is 10 min ahead/);
  });

  it('with a certificate that nobody trusts ends there', async () => {
    const material = await openCertificates(join(directory, 'other'));
    const text = outcomes(await checkWay({ trustedCaPem: readFileSync(material.caFile, 'utf8') }));
    expect(text).toMatch(/mend: .*not signed by an authority.*trustedCaFile[^\n]*$/);
    expect(text).toMatch(
      /What it showed is localhost.*, issued by iot-security-agent local hub CA/,
    );
  });

  it('with a certificate that was made out to another name ends there', async () => {
    const material = await openCertificates(join(directory, 'hub'));
    const other = createServer({ key: material.privateKeyPem, cert: material.certificatePem });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.2', resolve));
    const gatewayHostName = `127.0.0.2:${(other.address() as AddressInfo).port}`;
    const text = outcomes(await checkWay({ gatewayHostName }));
    expect(text).toMatch(/mend: .*made out to another name than 127\.0\.0\.2[^\n]*$/);
    await new Promise((resolve) => other.close(resolve));
  });

  it('with a certificate that ends soon is noted', async () => {
    const endsMs = Date.now() + 390 * 86_400_000;
    const findings = await checkWay({}, endsMs);
    expect(outcomes(findings)).toMatch(/note: .*is trusted, .*but expires in \d days/);
  });

  it('with a name that does not resolve, or a port where nobody listens, ends there', async () => {
    expect(outcomes(await checkWay({ gatewayHostName: 'no-such-hub.invalid' }))).toMatch(
      /^mend: .*no-such-hub\.invalid/,
    );
    const closed = createTcpServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const free = (closed.address() as AddressInfo).port;
    await new Promise((resolve) => closed.close(resolve));
    expect(outcomes(await checkWay({ gatewayHostName: `127.0.0.1:${free}` }))).toMatch(
      /mend: .*nobody listens there[^\n]*$/,
    );
  });

  it('through a proxy is well: tunnel, certificate and clock, with no name looked up here', async () => {
    const proxy = await ConnectProxy.start({ routes: { [`elsewhere.example:${port}`]: port } });
    const address = { host: 'localhost', port: proxy.port };
    const findings = await checkWay({}, undefined, address);
    expect(findings.map(({ check: name, verdict }) => `${name} ${verdict}`)).toEqual([
      'proxy ok',
      'tls ok',
      'clock ok',
    ]);
    const elsewhere = await checkWay(
      { gatewayHostName: `elsewhere.example:${port}` },
      undefined,
      address,
    );
    expect(outcomes(elsewhere)).toMatch(
      /ok: the proxy .*elsewhere.*\nmend: .*another name than elsewhere/,
    );
    await proxy.stop();
  });

  it.each([
    [407, /mend: .*asks for a user and a password \(407\)/],
    [403, /mend: .*does not allow that \(403\)/],
  ])('through a proxy that answers %i ends there', async (status, expected) => {
    const proxy = await ConnectProxy.start();
    proxy.faults.refuse = status;
    const found = await checkWay({}, undefined, { host: 'localhost', port: proxy.port });
    expect(outcomes(found)).toMatch(expected);
    expect(found).toHaveLength(1);
    await proxy.stop();
  });

  it('is never waited for without end', async () => {
    await expect(withinDeadline(10, 'the hub', () => new Promise(() => undefined))).rejects.toThrow(
      'the hub did not answer within 0.01 s',
    );
  });
});

describe('audit', () => {
  const status = {
    enabled: 1,
    failure: 1,
    ownerPid: 0,
    backlogLimit: 8192,
    lost: 0,
    backlogWaitTime: 0,
  };
  const advice = (changes: Partial<typeof status>, commandLine = 'quiet audit=1') =>
    outcomes(auditAdvice({ ...status, ...changes }, commandLine, () => 'auditd'));

  it('that is on from the boot on is well', () => {
    expect(advice({})).toBe('ok: kernel audit is on, owned by nobody');
    expect(advice({ ownerPid: 7 })).toBe('ok: kernel audit is on, owned by auditd (7)');
  });

  it('is advised on: off, locked, late, or too small', () => {
    expect(advice({ enabled: 0 })).toMatch(/off; the agent switches it on/);
    expect(advice({ enabled: 2 })).toMatch(/note: .*locked/);
    expect(advice({}, 'quiet audit=10')).toMatch(/note: audit is not on from the boot on/);
    expect(advice({ lost: 5, backlogLimit: 64 })).toMatch(/note: audit has lost 5 records/);
  });
});

describe('doctor', () => {
  it('tells every group, and ends with 1 while something is to be mended', async () => {
    configure();
    let text = '';
    const code = await doctor({ configFile, json: false, write: (line) => (text += line) });
    // No agent runs there.
    expect(code).toBe(1);
    expect(text).toMatch(/^configuration\n {2}ok {7}.*\n/);
    expect(text).toMatch(/\nconnection\n[^]*\nhost\n/);
    expect(text).toMatch(/ {2}mend {5}The agent is not running/);
    text = '';
    await doctor({ configFile, json: true, write: (line) => (text += line) });
    const rows = JSON.parse(text) as readonly Record<string, string | null>[];
    for (const row of rows) {
      expect(Object.keys(row)).toEqual(['check', 'verdict', 'found', 'remedy']);
      expect(Object.keys(checks)).toContain(row['check']);
    }
    const order = rows.map(({ check: name }) => Object.keys(checks).indexOf(name ?? ''));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('looks at nothing that the documentation does not name', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/operate.md'), 'utf8');
    const rows = new Map([...page.matchAll(/^\| (\w+) +\| (.*) \|$/gm)].map(([, a, b]) => [a, b]));
    for (const [name, { group }] of Object.entries(checks)) {
      expect(rows.get(group), name).toContain(`\`${name}\``);
    }
  });
});
