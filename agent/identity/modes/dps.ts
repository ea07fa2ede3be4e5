import { Backoff } from '../../../base/backoff.js';
import { reasonOf } from '../../../base/errors.js';
import type { LocalSettings } from '../../../config/local-settings.js';
import {
  standardModuleId,
  type CredentialSource,
  type ModuleCredentials,
} from '../credentials/credentials.js';
import { readProof, type ProofOfFile } from '../credentials/proof.js';
import { refuseInvalid } from '../credentials/validity.js';
import { ProvisioningService, type Assignment } from '../services/provisioning.js';
import { ServiceError } from '../services/service-error.js';
import { AssignmentFile, type Registered } from './assignment-file.js';
import { accessOf } from './device.js';
import { reachOf, serviceAt } from './device-files.js';
import { ModuleKeysOfDevice } from './module-keys.js';
import { Restraint } from './restraint.js';
import type { Surroundings } from './surroundings.js';

/** Between two looks whether the device is assigned to another hub; a fleet that lost its hub spreads over the first. */
const lookAgain = { shortestMs: 5 * 60_000, longestMs: 6 * 60 * 60_000 };

/** After so long without a doubt the next one is a new one. */
const forgottenMs = 24 * 60 * 60_000;

export function dpsSource(settings: LocalSettings, surroundings: Surroundings): CredentialSource {
  return new DpsSource(settings, surroundings);
}

/**
 * The secret of the enrolment is on the device: the provisioning service says to which hub it is assigned, and there the
 * key of the module is read with the same secret.
 *
 * 1. What was assigned is kept in the state directory, so that a start needs the hub alone.
 * 2. The service is asked again only where the hub refuses the device or the keys of its module, or nobody answers under
 *    its name for long; then after a pause of minutes that grows up to six hours, and until it names another hub the known
 *    one is tried as before.
 */
class DpsSource implements CredentialSource {
  private readonly service: ProvisioningService;
  private readonly restraint: Restraint;
  private readonly keys: ModuleKeysOfDevice;
  private readonly file: AssignmentFile;
  private readonly pace: Backoff;
  private readonly registered: Registered;
  private assignment: Assignment | undefined;
  private doubtedMs = -Infinity;
  /** When to look whether another hub is assigned, on the monotonic clock; undefined where nothing gives cause. */
  private lookAtMs: number | undefined;

  constructor(
    private readonly settings: LocalSettings,
    private readonly surroundings: Surroundings,
  ) {
    const { clock, random } = surroundings;
    const { endpoint, idScope = '', registrationId = '' } = settings.identity.dps;
    this.registered = { endpoint, idScope, registrationId };
    this.service = new ProvisioningService(surroundings);
    this.restraint = new Restraint(clock, random);
    this.keys = new ModuleKeysOfDevice(surroundings);
    this.file = new AssignmentFile(settings.stateDirectory);
    this.pace = new Backoff(lookAgain, random);
  }

  async check(): Promise<string> {
    await this.proof();
    const { idScope, registrationId } = this.registered;
    return `${idScope}/${registrationId}`;
  }

  async current(): Promise<ModuleCredentials> {
    const { identity } = this.settings;
    const proof = await this.proof();
    refuseInvalid(proof, identity, this.surroundings.hubTimeMs());
    const assignment = await this.assigned(proof);
    const device = {
      ...assignment,
      moduleId: identity.moduleId ?? standardModuleId,
      gatewayHostName: identity.gatewayHostName,
      proof,
    };
    try {
      return await this.keys.current(await accessOf(device, this.settings, this.surroundings));
    } catch (error) {
      if (error instanceof ServiceError && ['authorisation', 'network'].includes(error.kind)) {
        this.doubt();
      }
      throw error;
    }
  }

  refused(credentials: ModuleCredentials): boolean {
    return this.keys.refused(credentials);
  }

  unreachable(): void {
    this.doubt();
  }

  private async assigned(proof: ProofOfFile): Promise<Assignment> {
    this.assignment ??= await this.file.read(this.registered);
    const known = this.assignment;
    if (known === undefined) {
      return this.take(await this.restraint.ask(() => this.ask(proof)));
    }
    if (this.lookAtMs === undefined || this.surroundings.clock.monotonicMs() < this.lookAtMs) {
      return known;
    }
    this.lookAtMs = undefined;
    try {
      const found = await this.restraint.ask(() => this.ask(proof));
      if (found.hostName === known.hostName && found.deviceId === known.deviceId) return known;
      this.pace.reset();
      return await this.take(found);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      // The known hub may take the device nevertheless; what it says is told as ever.
      this.surroundings.log.info(`${error.message} The hub that is known is tried.`);
      return known;
    }
  }

  private async ask(proof: ProofOfFile): Promise<Assignment> {
    const { idScope, registrationId } = this.registered;
    const registration = { idScope, registrationId, proof };
    const place = { address: this.registered.endpoint, settings: 'identity.dps.endpoint' };
    const service = serviceAt(place, await reachOf(this.settings, this.surroundings));
    const found = await this.service.lookUp(service, registration);
    if (found !== undefined) return found;
    if (this.settings.identity.dps.register) return this.service.register(service, registration);
    throw new ServiceError(
      'authorisation',
      `Could not look up the hub of the device at ${this.registered.endpoint}: ${registrationId} is assigned to none under the ID scope ${idScope}; have the software of the device provision it, check identity.dps, or let the agent register the device with identity.dps.register [Authentication / Not Found].`,
    );
  }

  private async take(assignment: Assignment): Promise<Assignment> {
    const { log } = this.surroundings;
    const { hostName, deviceId } = assignment;
    this.assignment = assignment;
    this.lookAtMs = undefined;
    log.info('The provisioning service says to which hub the device is assigned.', {
      hostName,
      deviceId,
    });
    await this.file.write(this.registered, assignment).catch((error: unknown) => {
      log.warn(
        `The assigned hub could not be kept in ${this.settings.stateDirectory}: ${reasonOf(error)}. The next start asks the provisioning service again; check the space of the directory and its owner.`,
      );
    });
    return assignment;
  }

  /** The hub may be another one by now. */
  private doubt(): void {
    const nowMs = this.surroundings.clock.monotonicMs();
    if (nowMs - this.doubtedMs > forgottenMs) this.pace.reset();
    this.doubtedMs = nowMs;
    this.lookAtMs ??= nowMs + this.pace.nextMs();
  }

  private proof(): Promise<ProofOfFile> {
    const { settings, surroundings } = this;
    return readProof(settings.identity, 'the enrolment of the device', surroundings.access);
  }
}
