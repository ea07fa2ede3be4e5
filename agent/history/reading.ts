import { join } from 'node:path';
import { hasCode } from '../../base/errors.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import type { SpoolFiles } from '../spool/files.js';
import { readBeside, readSpoolBeside } from '../spool/reading-beside.js';
import { stateNames } from '../state/state-directory.js';
import { historyJournal } from './history.js';
import { isKept } from './kept.js';
import { decodeKept, type Fate } from './record.js';

/** An event that the device still has. */
export interface Remembered {
  /** As it was sent; as it was journaled while it waits. */
  readonly json: string;
  readonly name: string;
  /** Wall clock, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly payloads: readonly JsonObject[];
  readonly fate: Fate | 'waiting';
}

export interface Kept {
  /** Each once, the oldest first. */
  readonly events: readonly Remembered[];
  /** Records that could not be read. */
  readonly damaged: number;
}

/** Of what is told of the same event, the first of these counts. */
const surest: readonly Remembered['fate'][] = ['sent', 'neverSent', 'waiting'];

/**
 * What the device has kept of its events, and what of the same kinds still waits for the hub; beside a running agent as
 * well. What waits is read first: what is sent meanwhile then stands in both, and not in none.
 * @throws NodeJS.ErrnoException when a directory is there and cannot be read
 */
export async function readHistory(files: SpoolFiles, stateDirectory: string): Promise<Kept> {
  const found = new Map<string, Remembered>();
  let damaged = 0;
  const add = (json: string, keptMs: number, fate: Remembered['fate']): void => {
    const event = eventOf(json, keptMs, fate);
    if (event === undefined) {
      damaged++;
      return;
    }
    const { id, remembered } = event;
    const known = found.get(id);
    if (known === undefined || surest.indexOf(fate) < surest.indexOf(known.fate))
      found.set(id, remembered);
  };
  await ifThere(async () => {
    const spool = join(stateDirectory, stateNames.spool);
    for await (const { records } of readSpoolBeside(files, spool))
      for (const { body, wallMs } of records) {
        const json = body.toString('utf8');
        if (isKept(json)) add(json, wallMs, 'waiting');
      }
  });
  await ifThere(async () => {
    const history = join(stateDirectory, stateNames.history);
    for await (const segment of readBeside(files, history, historyJournal)) {
      damaged += segment.damaged;
      for (const { body, wallMs } of segment.records) {
        const kept = decodeKept(body);
        if (kept === undefined) damaged++;
        else add(kept.json, wallMs, kept.fate);
      }
    }
  });
  const events = [...found.values()].sort((one, other) => one.timeMs - other.timeMs);
  return { events, damaged };
}

async function ifThere(read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function eventOf(
  json: string,
  keptMs: number,
  fate: Remembered['fate'],
): { id: string; remembered: Remembered } | undefined {
  const event = parsed(json);
  if (!isJsonObject(event)) return undefined;
  const { Id: id, Name: name, TimestampUTC: time, Payload: payloads } = event;
  if (typeof id !== 'string' || typeof name !== 'string' || !Array.isArray(payloads))
    return undefined;
  const told = typeof time === 'string' ? Date.parse(time) : NaN;
  return {
    id,
    remembered: {
      json,
      name,
      timeMs: Number.isNaN(told) ? keptMs : told,
      payloads: (payloads as readonly JsonValue[]).filter(isJsonObject),
      fate,
    },
  };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
