import { randomUUID } from 'node:crypto';
import type { HubProof, TargetHub } from './enrolments.js';

export type RegistrationStatus = 'unassigned' | 'assigning' | 'assigned' | 'failed' | 'disabled';

/** The state of a registration as the service tells it; times are ISO 8601 in UTC. */
export interface RegistrationState {
  readonly registrationId: string;
  readonly createdDateTimeUtc: string;
  readonly lastUpdatedDateTimeUtc: string;
  readonly status: RegistrationStatus;
  readonly substatus?: string;
  readonly assignedHub?: string;
  readonly deviceId?: string;
  readonly etag: string;
  /** Of `failed`. */
  readonly errorCode?: number;
  readonly errorMessage?: string;
}

/** What the back end wants to be told instead of what is. */
export type ForcedState = Pick<RegistrationState, 'status' | 'errorCode' | 'errorMessage'>;

interface Operation {
  readonly id: string;
  readonly registrationId: string;
  /** So often it still says that it is at work. */
  pollsLeft: number;
}

interface Assignment {
  readonly hub: TargetHub;
  readonly deviceId: string;
}

/** The registrations of devices, and the work of registering one; ids are in lower case here. */
export class Registrations {
  readonly #states = new Map<string, RegistrationState>();
  readonly #assignments = new Map<string, Assignment>();
  readonly #forced = new Map<string, ForcedState>();
  readonly #operations = new Map<string, Operation>();

  /** Undefined before the first registration, unless a state is forced. */
  find(registrationId: string): RegistrationState | undefined {
    const state = this.#states.get(registrationId);
    const forced = this.#forced.get(registrationId);
    if (forced === undefined) return state;
    const { createdDateTimeUtc = now(), lastUpdatedDateTimeUtc = now() } = state ?? {};
    const etag = state?.etag ?? newTag();
    return { registrationId, createdDateTimeUtc, lastUpdatedDateTimeUtc, etag, ...forced };
  }

  /** From now on the registration is said to be in this state; what is counts again with undefined. */
  force(registrationId: string, state: ForcedState | undefined): void {
    if (state === undefined) this.#forced.delete(registrationId);
    else this.#forced.set(registrationId, state);
  }

  /** Puts the device into its hub, with the proof that it gave here; removes it from the hub where it was. */
  async assign(registrationId: string, to: Assignment, proof: HubProof): Promise<void> {
    const { hub, deviceId } = to;
    const before = this.#assignments.get(registrationId);
    if (before !== undefined && before.hub !== hub) await before.hub.registry.remove(before);
    if (proof.type === 'keys') {
      hub.registry.register({ deviceId }, { type: 'sas' });
      hub.registry.setKeys({ deviceId }, proof.primaryKey, proof.secondaryKey);
    } else hub.registry.register({ deviceId }, proof.authentication);
    this.#assignments.set(registrationId, to);
    this.#states.set(registrationId, {
      registrationId,
      createdDateTimeUtc: this.#states.get(registrationId)?.createdDateTimeUtc ?? now(),
      lastUpdatedDateTimeUtc: now(),
      status: 'assigned',
      substatus: substatusOf(before, hub),
      assignedHub: hub.hubName,
      deviceId,
      etag: newTag(),
    });
  }

  /** @returns the id under which the device asks how it goes */
  begin(registrationId: string, polls: number): string {
    const id = `4.${randomUUID().replaceAll('-', '').slice(0, 16)}.${randomUUID()}`;
    this.#operations.set(id, { id, registrationId, pollsLeft: polls });
    return id;
  }

  /** How the work goes; undefined when there is none of this id for the device. */
  poll(id: string, registrationId: string): 'at-work' | 'done' | undefined {
    const operation = this.#operations.get(id);
    if (operation?.registrationId !== registrationId) return undefined;
    if (operation.pollsLeft === 0) return 'done';
    operation.pollsLeft -= 1;
    return 'at-work';
  }
}

const now = (): string => new Date().toISOString();
const newTag = (): string => Buffer.from(randomUUID()).toString('base64');

function substatusOf(before: Assignment | undefined, hub: TargetHub): string {
  if (before === undefined) return 'initialAssignment';
  return before.hub === hub ? 'reprovisionedToInitialAssignment' : 'deviceDataReset';
}
