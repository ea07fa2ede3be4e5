import { verify, type Claim, type Enrolment, type HubProof, type TargetHub } from './enrolments.js';

/** A device that may be provisioned, with the proof that it gave. */
export interface Verified {
  readonly enrolment: Enrolment;
  readonly proof: HubProof;
}

/** Who may be provisioned, and to where; registration ids are in lower case here. */
export class EnrolmentList {
  readonly #enrolments: Enrolment[] = [];
  readonly #hubs = new Map<string, TargetHub>();
  readonly #disabled = new Set<string>();

  add(enrolment: Enrolment): void {
    this.#enrolments.push(enrolment);
  }

  /** Of groups, PEM. */
  get authorities(): readonly string[] {
    return this.#enrolments.flatMap(({ attestation }) =>
      attestation.type === 'authority' ? [attestation.certificatePem] : [],
    );
  }

  /** That of the device alone, else the group's whose proof holds; or why there is none. */
  verify(claim: Claim, nowMs: number): Verified | { readonly refused: string } {
    const id = claim.registrationId.toLowerCase();
    let refused = `${id} is not enrolled`;
    for (const enrolment of this.#candidates(id)) {
      const proof = verify(claim, enrolment, nowMs);
      if (!('refused' in proof)) return { enrolment, proof };
      ({ refused } = proof);
    }
    return { refused };
  }

  /** The first that would count, whatever the proof. @throws Error when there is none */
  of(registrationId: string): Enrolment {
    const [found] = this.#candidates(registrationId);
    if (found === undefined) throw new Error(`${registrationId} is not enrolled.`);
    return found;
  }

  hubOf(registrationId: string, enrolment: Enrolment): TargetHub {
    return this.#hubs.get(registrationId) ?? enrolment.hub;
  }

  setHub(registrationId: string, hub: TargetHub): void {
    this.#hubs.set(registrationId, hub);
  }

  isDisabled(registrationId: string): boolean {
    return this.#disabled.has(registrationId);
  }

  setDisabled(registrationId: string, disabled: boolean): void {
    if (disabled) this.#disabled.add(registrationId);
    else this.#disabled.delete(registrationId);
  }

  #candidates(registrationId: string): readonly Enrolment[] {
    const alone = this.#enrolments.find((enrolment) => enrolment.registrationId === registrationId);
    if (alone !== undefined) return [alone];
    return this.#enrolments.filter((enrolment) => enrolment.registrationId === undefined);
  }
}
