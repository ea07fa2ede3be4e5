import type { JsonObject } from '../../base/json.js';
import { mergePatch, NestingError, sameJson } from './merge-patch.js';

/** `gap`: something is missing before this change, so the whole twin has to be read. */
type PatchOutcome = 'applied' | 'old' | 'gap';

/** The desired properties without `$version`, and the version they have. */
export interface Desired {
  readonly document: JsonObject;
  /** 0 as long as nothing came from a hub. */
  readonly version: number;
}

/**
 * The last full desired document, kept up to date by merge patches.
 *
 * 1. The document is always one that the hub once held in full: a full read, or that read with every later change.
 * 2. A change is applied only when it is the next one; an older one is dropped, a later one has the twin read again.
 * 3. A full read always wins, also with a lower version: then the module was deleted and made again.
 */
export class DesiredDocument {
  private current: Desired = { document: {}, version: 0 };

  get desired(): Desired {
    return this.current;
  }

  /** Takes over what was stored by an earlier run. */
  restore(desired: Desired): void {
    this.current = desired;
  }

  /** @returns whether the full document just read differs from the one held. */
  replace(desired: JsonObject): boolean {
    const next = {
      document: withoutMeta(mergePatch(undefined, desired)),
      version: versionOf(desired),
    };
    const { document, version } = this.current;
    if (next.version === version && sameJson(document, next.document)) return false;
    this.current = next;
    return true;
  }

  patch(patch: JsonObject): PatchOutcome {
    const { document, version } = this.current;
    const next = versionOf(patch);
    if (next !== 0 && next <= version) return 'old';
    if (next !== version + 1) return 'gap';
    try {
      this.current = { document: mergePatch(document, withoutMeta(patch)), version: next };
      return 'applied';
    } catch (error) {
      if (error instanceof NestingError) return 'gap';
      throw error;
    }
  }
}

function withoutMeta(document: JsonObject): JsonObject {
  const entries = Object.entries(document).filter(([name]) => !name.startsWith('$'));
  return Object.fromEntries(entries);
}

function versionOf(document: JsonObject): number {
  const version = document['$version'];
  return typeof version === 'number' && Number.isSafeInteger(version) && version > 0 ? version : 0;
}
