import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.js';
import type { LocalSettings } from '../../config/local-settings.js';
import { warnedDays } from '../identity/certificate-watch.js';
import { createCredentialSource } from '../identity/credential-source.js';
import { loadCertificate } from '../identity/credentials/certificate.js';
import { CredentialError } from '../identity/credentials/credential-error.js';
import type { ModuleCredentials } from '../identity/credentials/credentials.js';
import { surroundingsOf } from '../identity/modes/surroundings.js';
import { ServiceError, type HubAddress } from '../identity/services/service-error.js';
import { edgeContainer } from '../identity/services/workload.js';
import { stateNames } from '../state/state-directory.js';
import { lastSecondsOfCertificate } from '../status/health.js';
import type { AgentUser } from './agent-user.js';
import { mend, note, ok, unknown, type Finding } from './finding.js';

export interface IdentityCheck {
  readonly findings: readonly Finding[];
  readonly credentials?: ModuleCredentials;
  /** The service that refused a token, which a wrong clock causes too. */
  readonly refusedBy?: HubAddress;
}

const dayMs = 86_400_000;

/** Whether the credentials can be had, for the user of the agent, and whose they are. */
export async function checkIdentity(
  settings: LocalSettings,
  user: AgentUser,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<IdentityCheck> {
  const { finding, ...rest } = await identityFinding(settings, user, environment);
  const certificate = await certificateFinding(settings, user);
  return {
    findings: certificate === undefined ? [finding] : [finding, certificate],
    ...rest,
  };
}

async function identityFinding(
  settings: LocalSettings,
  user: AgentUser,
  environment: NodeJS.ProcessEnv,
): Promise<Omit<IdentityCheck, 'findings'> & { readonly finding: Finding }> {
  const { mode } = settings.identity;
  const stranger = mode === 'edge' ? strangerToEdge(settings, user, environment) : undefined;
  if (stranger !== undefined) return { finding: stranger };
  try {
    const credentials = await withoutTrace(settings, (own) => {
      const surroundings = surroundingsOf(environment, own.requestTimeout.ms);
      const access = user.ids === undefined ? {} : { ids: user.ids };
      return createCredentialSource(own, { ...surroundings, access }).current();
    });
    const { deviceId, hostName, moduleId, proof } = credentials;
    const how = {
      key: 'a symmetric key',
      certificate: 'a certificate',
      signer: 'signatures of IoT Edge',
    }[proof.kind];
    const found = `the credentials of ${deviceId}/${moduleId} at ${hostName} can be read (mode ${mode}, ${how})`;
    return { finding: ok('identity', found), credentials };
  } catch (error) {
    if (!(error instanceof CredentialError || error instanceof ServiceError)) throw error;
    const finding = mend('identity', error.message);
    const asked = error instanceof ServiceError ? error.asked : undefined;
    return asked === undefined ? { finding } : { finding, refusedBy: asked };
  }
}

/** The Identity Service of a host tells a module to its user alone, whom it knows by the process that asks. */
function strangerToEdge(
  settings: LocalSettings,
  { ids }: AgentUser,
  environment: NodeJS.ProcessEnv,
): Finding | undefined {
  const isContainer = edgeContainer(environment, settings.requestTimeout.ms) !== undefined;
  if (isContainer || ids === undefined || ids.uid === process.geteuid?.()) return undefined;
  return unknown(
    'identity',
    `the Identity Service gives the module to user ${ids.uid} alone, who runs the agent, and was not asked`,
    `run doctor as that user, too: sudo -u '#${ids.uid}' iot-security-agent doctor`,
  );
}

/**
 * With the provisioning service a source keeps what it was told in the state directory, where a file of root's would be in
 * the way of the agent, so it works on a copy; and only the agent itself is to register the device.
 */
async function withoutTrace<T>(
  settings: LocalSettings,
  work: (settings: LocalSettings) => Promise<T>,
): Promise<T> {
  const { identity } = settings;
  if (identity.mode !== 'dps') return work(settings);
  const stateDirectory = await mkdtemp(join(tmpdir(), 'iot-security-agent-doctor-'));
  try {
    const kept = join(settings.stateDirectory, stateNames.assignment);
    await copyFile(kept, join(stateDirectory, stateNames.assignment)).catch(() => undefined);
    const dps = { ...identity.dps, register: false };
    return await work({ ...settings, stateDirectory, identity: { ...identity, dps } });
  } finally {
    await rm(stateDirectory, { recursive: true, force: true });
  }
}

/** Until when the certificate on the device is valid; undefined where there is none, or `identity` says what is wrong. */
async function certificateFinding(
  { identity }: LocalSettings,
  { ids }: AgentUser,
): Promise<Finding | undefined> {
  const { certificateFile } = identity;
  if (certificateFile === undefined) return undefined;
  try {
    const access = ids === undefined ? {} : { ids };
    const { validToMs } = await loadCertificate({ ...identity, certificateFile }, access);
    return validityFinding(certificateFile, validToMs, systemClock.wallMs());
  } catch (error) {
    if (error instanceof CredentialError) return undefined;
    throw error;
  }
}

/** What there is to say of the end of a certificate. */
export function validityFinding(path: string, validToMs: number, nowMs: number): Finding {
  const leftMs = validToMs - nowMs;
  const days = Math.floor(leftMs / dayMs);
  const until = new Date(validToMs).toISOString().slice(0, 10);
  const remedy = `put a new one into ${path}, which the next connection uses`;
  if (days < 0) return mend('certificate', `the certificate in ${path} ended on ${until}`, remedy);
  const found = `the certificate in ${path} is valid until ${until}, for ${days} more days`;
  // As the agent, which is degraded in the last days.
  if (leftMs <= lastSecondsOfCertificate * 1000) return mend('certificate', found, remedy);
  return days < warnedDays ? note('certificate', found, remedy) : ok('certificate', found);
}
