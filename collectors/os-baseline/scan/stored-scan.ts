import { isJsonObject, type JsonValue, parseJson } from '../../../base/json.js';
import {
  fileKinds,
  type FileScan,
  type FoundFile,
  type FoundFiles,
  mostListedFiles,
  recordOfKinds,
} from '../../interface/file-scan.js';

/** A scan as it was kept; undefined when the text is none. */
export function parseStoredScan(text: string): FileScan | undefined {
  let stored: JsonValue;
  try {
    stored = parseJson(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(stored)) return undefined;
  const { startedMs, durationMs, files, incomplete, ownersUnknown, found } = stored;
  if (typeof startedMs !== 'number' || typeof durationMs !== 'number') return undefined;
  if (typeof files !== 'number' || !isJsonObject(found)) return undefined;
  const lists = fileKinds.map((kind) => filesOf(found[kind]));
  if (lists.includes(undefined)) return undefined;
  return {
    startedMs,
    durationMs,
    files,
    ...(typeof incomplete === 'string' && { incomplete }),
    ...(typeof ownersUnknown === 'string' && { ownersUnknown }),
    found: recordOfKinds((kind) => filesOf(found[kind]) ?? { total: 0, first: [] }),
  };
}

function filesOf(list: JsonValue | undefined): FoundFiles | undefined {
  if (list === undefined || !isJsonObject(list)) return undefined;
  const { total, first } = list;
  if (typeof total !== 'number' || !Array.isArray(first)) return undefined;
  return { total, first: first.slice(0, mostListedFiles).flatMap(fileOf) };
}

function fileOf(value: JsonValue): FoundFile[] {
  if (!isJsonObject(value)) return [];
  const { path, mode, uid, gid } = value;
  const isFile =
    typeof path === 'string' &&
    typeof mode === 'number' &&
    typeof uid === 'number' &&
    typeof gid === 'number';
  return isFile ? [{ path, mode, uid, gid }] : [];
}
