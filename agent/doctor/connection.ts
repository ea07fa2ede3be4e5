import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { reasonOf } from '../../base/errors.js';
import { classifyFailure } from '../hub/failure.js';
import type { ModuleCredentials } from '../identity/credentials/credentials.js';
import { openTunnel, type Proxy } from '../identity/services/proxy-tunnel.js';
import { ServiceError, type HubAddress } from '../identity/services/service-error.js';
import { durationText } from '../status/duration-text.js';
import { timeText } from '../time/clock-watch.js';
import { readHubDate } from '../time/hub-date.js';
import type { CheckName } from './checks.js';
import { mend, note, ok, unknown, withinDeadline, type Finding } from './finding.js';
import { readServerCertificate } from './server-certificate.js';

const defaultPorts = { mqtt: 8883, 'mqtt-websocket': 443 } as const;
const deadlineMs = 5_000;
const dayMs = 86_400_000;
/** What the hub tolerates in a token. */
const worstClockErrorSeconds = 300;

interface ConnectionCheckOptions {
  readonly credentials: Pick<
    ModuleCredentials,
    'hostName' | 'gatewayHostName' | 'deviceId' | 'moduleId' | 'trustedCaPem'
  >;
  readonly transport: keyof typeof defaultPorts;
  /** @throws CredentialError */
  readonly proxy: () => Promise<Proxy | undefined>;
  readonly wallMs: () => number;
  readonly httpsPort?: number;
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly trustedCaPem: string | undefined;
  readonly proxy: Proxy | undefined;
  /** For the sentences of failures. */
  readonly endpoint: { readonly dialled: string; readonly identity: string };
}

type Step = readonly [CheckName, (target: Target, wallMs: () => number) => Promise<Finding>];

/** Behind a proxy names are its affair, and ports. */
const directSteps: readonly Step[] = [
  ['dns', resolves],
  ['tcp', answers],
  ['tls', isTrusted],
];
const proxiedSteps: readonly Step[] = [
  ['proxy', letsThrough],
  ['tls', isTrusted],
];

/** The way to the hub, step by step: what fails first is what is to be mended, and ends it. */
export async function checkConnection(
  options: ConnectionCheckOptions,
): Promise<readonly Finding[]> {
  const { httpsPort = 443, wallMs } = options;
  let proxy: Proxy | undefined;
  try {
    proxy = await options.proxy();
  } catch (error) {
    return [mend('proxy', reasonOf(error))];
  }
  const target = targetOf(options, proxy);
  const findings: Finding[] = [];
  for (const [check, step] of proxy === undefined ? directSteps : proxiedSteps) {
    try {
      findings.push(await step(target, wallMs));
    } catch (error) {
      findings.push(mend(check, sentenceOf(error, target, wallMs)));
    }
    if (findings.at(-1)?.verdict === 'mend') return findings;
  }
  return [...findings, await clockFinding({ ...target, port: httpsPort }, wallMs)];
}

function sentenceOf(error: unknown, { endpoint }: Target, wallMs: () => number): string {
  if (error instanceof ServiceError) return error.message;
  const clock = timeText(wallMs());
  return classifyFailure(error, 'connect', { ...endpoint, clock }).message;
}

function targetOf(
  { credentials, transport }: ConnectionCheckOptions,
  proxy: Proxy | undefined,
): Target {
  const { deviceId, gatewayHostName, hostName, moduleId, trustedCaPem } = credentials;
  const dialled = gatewayHostName ?? hostName;
  const [, host = dialled, port] = /^(.*?)(?::(\d+))?$/.exec(dialled) ?? [];
  return {
    host,
    port: port === undefined ? defaultPorts[transport] : Number(port),
    trustedCaPem,
    proxy,
    endpoint: { dialled, identity: `${deviceId}/${moduleId}` },
  };
}

async function letsThrough(target: Target): Promise<Finding> {
  const { host, port, proxy } = target;
  const tunnel = await tunnelTo(target);
  tunnel?.destroy();
  return ok('proxy', `the proxy ${proxy?.host}:${proxy?.port} lets through to ${host}:${port}`);
}

/** Undefined where there is no proxy. */
async function tunnelTo({ host, port, proxy }: Target): Promise<Socket | undefined> {
  return proxy && openTunnel(proxy, { host, port }, AbortSignal.timeout(deadlineMs));
}

async function resolves({ host }: Target): Promise<Finding> {
  if (isIP(host) !== 0) return ok('dns', `${host} is an address`);
  const found = await withinDeadline(deadlineMs, `the name server asked for ${host}`, () =>
    lookup(host, { all: true }),
  );
  return ok('dns', `${host} resolves to ${found.map(({ address }) => address).join(', ')}`);
}

async function answers({ host, port }: Target): Promise<Finding> {
  await withinDeadline(deadlineMs, `${host}:${port}`, (signal) => {
    return new Promise<void>((resolve, reject) => {
      const socket = connectTcp({ host, port });
      signal.addEventListener('abort', () => socket.destroy());
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.destroy();
        resolve();
      });
    });
  });
  return ok('tcp', `TCP port ${port} of ${host} answers`);
}

async function isTrusted(target: Target, wallMs: () => number): Promise<Finding> {
  const { host, port } = target;
  const socket = await tunnelTo(target);
  const { chain, fault, validToMs } = await withinDeadline(
    deadlineMs,
    `${host}:${port}`,
    (signal) =>
      readServerCertificate({ ...target, ...(socket === undefined ? {} : { socket }) }, signal),
  ).finally(() => socket?.destroy());
  const [name = 'nobody', ...issuers] = chain;
  const issuedBy = issuers.length === 0 ? 'issued by itself' : `issued by ${issuers.join(', by ')}`;
  if (fault !== undefined) {
    const why = sentenceOf(new Error(fault), target, wallMs).replace(/\.$/, '');
    return mend('tls', `${why}. What it showed is ${name}, ${issuedBy}`);
  }
  const days = Math.floor(((validToMs ?? 0) - wallMs()) / dayMs);
  if (days < 14) {
    return note(
      'tls',
      `the certificate of ${host} is trusted, ${issuedBy}, but expires in ${days} days`,
      'renew it',
    );
  }
  return ok('tls', `the certificate of ${host} is trusted, for ${days} more days, ${issuedBy}`);
}

/** Compares the clock with that of whoever refused a token, for which a wrong clock is a cause. */
export async function checkClockAgainst(
  { gatewayHostName, hostName, trustedCaPem }: HubAddress,
  proxy: () => Promise<Proxy | undefined>,
  wallMs: () => number,
): Promise<Finding> {
  const [host = hostName, port = '443'] = (gatewayHostName ?? hostName).split(':');
  try {
    const way = { host, port: Number(port), trustedCaPem, proxy: await proxy() };
    return await clockFinding(way, wallMs);
  } catch (error) {
    return unknown('clock', reasonOf(error));
  }
}

/** By the Date header over verified HTTPS. A gateway need not serve that. */
async function clockFinding(
  { host, port, proxy, trustedCaPem }: Omit<Target, 'endpoint'>,
  wallMs: () => number,
): Promise<Finding> {
  let hubMs: number | undefined;
  try {
    hubMs = await withinDeadline(deadlineMs, `HTTPS of ${host}`, (signal) =>
      readHubDate({ host, port, proxy, trustedCaPem }, signal),
    );
  } catch (error) {
    return unknown(
      'clock',
      `the clock could not be compared with that of ${host}: ${reasonOf(error)}`,
    );
  }
  if (hubMs === undefined) return unknown('clock', `${host} does not tell the time`);
  const aheadSeconds = Math.round((wallMs() - hubMs) / 1000);
  const difference = `${durationText(Math.abs(aheadSeconds))} ${aheadSeconds > 0 ? 'ahead of' : 'behind'} that of ${host}`;
  if (Math.abs(aheadSeconds) > worstClockErrorSeconds) {
    return mend(
      'clock',
      `the clock is ${difference}, so that tokens are refused`,
      'set it, for example by enabling systemd-timesyncd or chrony',
    );
  }
  return Math.abs(aheadSeconds) > 30
    ? note('clock', `the clock is ${difference}`)
    : ok('clock', `the clock agrees with that of ${host}`);
}
