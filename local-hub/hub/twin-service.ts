import { randomUUID } from 'node:crypto';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import type { Identities, Identity } from './identities.js';
import {
  checkContent,
  checkSize,
  patchSection,
  replacementNotice,
  TwinError,
} from './twin-document.js';

/** A twin as a client reads it, each section with its own `$version`. */
export interface TwinView {
  readonly desired: JsonObject;
  readonly reported: JsonObject;
}

/** The answer to a request, for the topic `$iothub/twin/res/<status>/?$rid=…`. */
export interface TwinAnswer {
  readonly status: number;
  readonly body: string;
  /** The new version of `reported` after it was accepted. */
  readonly version?: number;
}

export function viewTwin({ twin }: Identity): TwinView {
  return {
    desired: { ...twin.desired, $version: twin.desiredVersion },
    reported: { ...twin.reported, $version: twin.reportedVersion },
  };
}

/** The body that IoT Hub gives with an error; a client finds `errorCode` there. */
export function errorAnswer(status: number, errorCode: number, message: string): TwinAnswer {
  const timestampUtc = new Date().toISOString();
  const trackingId = `${randomUUID().replaceAll('-', '').toUpperCase()}-G:0-TimeStamp:${timestampUtc}`;
  return { status, body: JSON.stringify({ errorCode, trackingId, message, timestampUtc }) };
}

function parsePatch(payload: Uint8Array): JsonObject {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    throw new TwinError(400, 400004, 'the reported patch is not UTF-8');
  }
  let patch: JsonValue;
  try {
    patch = JSON.parse(text) as JsonValue;
  } catch {
    throw new TwinError(400, 400004, 'the reported patch is not JSON');
  }
  if (!isJsonObject(patch)) {
    throw new TwinError(400, 400004, 'the reported patch is not a JSON object');
  }
  return patch;
}

/** Applies what a client reports; `baseVersion` is the precondition it may give. */
export function report(
  identity: Identity,
  identities: Identities,
  payload: Uint8Array,
  baseVersion: string | undefined,
): TwinAnswer {
  const { twin } = identity;
  try {
    const patch = parsePatch(payload);
    if (baseVersion !== undefined && baseVersion !== String(twin.reportedVersion)) {
      const message = `reported is at version ${twin.reportedVersion}, not ${baseVersion}`;
      throw new TwinError(412, 412001, message);
    }
    checkContent(patch, 'reported');
    const reported = patchSection(twin.reported, patch);
    checkSize(reported, 'reported');
    twin.reported = reported;
    twin.reportedVersion += 1;
  } catch (error) {
    if (!(error instanceof TwinError)) throw error;
    return errorAnswer(error.status, error.errorCode, error.message);
  }
  identities.save();
  return { status: 204, body: '', version: twin.reportedVersion };
}

/**
 * Changes `desired` from the back end's side and gives the notification for the device. Throws {@link TwinError}
 * when the back end would be refused.
 */
export function changeDesired(
  identity: Identity,
  identities: Identities,
  change: JsonObject,
  how: 'patch' | 'replace',
): JsonObject {
  checkContent(change, 'desired');
  const { twin } = identity;
  const before = twin.desired;
  const after = patchSection(how === 'patch' ? before : {}, change);
  checkSize(after, 'desired');
  twin.desired = after;
  twin.desiredVersion += 1;
  identities.save();
  const notice = how === 'patch' ? change : replacementNotice(before, after);
  return { ...notice, $version: twin.desiredVersion };
}
