import type { StateSubject } from '../../contract/changes.js';

/** Who is told that something of a subject is different: the snapshot that has the whole of it. */
export interface StateNews {
  tell(subject: StateSubject): void;
  /** @returns ends it; never throws */
  subscribe(subjects: readonly StateSubject[], onChange: () => void): () => void;
}

interface Subscription {
  readonly subjects: readonly StateSubject[];
  readonly onChange: () => void;
}

/** The news of one host, told at once to whoever subscribed and to nobody else. */
export function createStateNews(): StateNews {
  const subscriptions = new Set<Subscription>();
  return {
    tell(subject) {
      for (const { subjects, onChange } of [...subscriptions]) {
        if (subjects.includes(subject)) onChange();
      }
    },
    subscribe(subjects, onChange) {
      const subscription = { subjects, onChange };
      subscriptions.add(subscription);
      return () => void subscriptions.delete(subscription);
    },
  };
}
