import type { JsonObject } from '../../base/json.js';
import type { Identities, Identity } from './identities.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { desiredFilter } from './topics.js';
import { changeDesired, viewTwin, type TwinView } from './twin-service.js';

/** A change of a twin, by the device (`reported`) or by the back end (`desired`). */
export interface TwinChange {
  readonly deviceId: string;
  readonly moduleId: string | undefined;
  readonly section: 'desired' | 'reported';
  readonly version: number;
}

/** Publishes to a client that subscribed to the filter. */
type SendTo = (address: Identity, filter: string, topic: string, body: string) => void;

/** The back end's side of the twins: it changes `desired`, and looks at both parts. */
export class TwinBackEnd {
  readonly #identities: Identities;
  readonly #sendTo: SendTo;
  readonly #listeners = new Listeners<TwinChange>();

  constructor(identities: Identities, sendTo: SendTo) {
    this.#identities = identities;
    this.#sendTo = sendTo;
  }

  onChange(listener: (change: TwinChange) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  /** Changes `desired` as the service's PATCH or PUT does, and tells the device. */
  changeDesired(identity: Identity, change: JsonObject, how: 'patch' | 'replace'): void {
    const notice = changeDesired(identity, this.#identities, change, how);
    const version = identity.twin.desiredVersion;
    const topic = `${desiredFilter.slice(0, -1)}?$version=${version}`;
    this.#sendTo(identity, desiredFilter, topic, JSON.stringify(notice));
    this.changed(identity, 'desired', version);
  }

  changed({ deviceId, moduleId }: Identity, section: TwinChange['section'], version: number): void {
    this.#listeners.tell({ deviceId, moduleId, section, version });
  }

  /** Resolves with the twin as soon as it satisfies; rejects after `timeoutMs`. */
  async await(
    identity: Identity,
    satisfied: (twin: TwinView) => boolean,
    timeoutMs: number,
  ): Promise<TwinView> {
    const current = viewTwin(identity);
    if (satisfied(current)) return current;
    return new Promise((resolve, reject) => {
      const stop = this.onChange((change) => {
        const isMeant =
          change.deviceId === identity.deviceId && change.moduleId === identity.moduleId;
        if (!isMeant) return;
        const twin = viewTwin(identity);
        if (!satisfied(twin)) return;
        clearTimeout(timer);
        stop();
        resolve(twin);
      });
      const timer = setTimeout(() => {
        stop();
        const shown = JSON.stringify(viewTwin(identity).reported).slice(0, 2000);
        reject(new Error(`The awaited twin did not come in ${timeoutMs} ms; reported: ${shown}`));
      }, timeoutMs);
    });
  }
}
