import { reasonOf } from '../../base/errors.js';
import { isJsonObject, parseJson, type JsonObject } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import { Turns } from '../../base/turns.js';
import { readStateFile, writeFileAtomically } from '../state/state-file.js';
import type { Desired } from './desired-document.js';

/** What an offline start needs. */
interface StoredTwin extends Desired {
  /**
   * The settings that were in force, in the shape in which they are reported, which is also that of the desired
   * object: from these a key that is now written wrongly keeps its last good value over a restart.
   */
  readonly effective: JsonObject;
}

/** The hub allows 32 KB of values; keys, escapes and the settings in force come on top. */
const largestBytes = 1_048_576;
const format = 'iot-security-agent desired properties 1';

/** The file beside the spool that holds the last desired properties. */
export class TwinFile {
  private readonly turns = new Turns();
  private writing: Promise<void> = Promise.resolve();
  private waiting: string | undefined;
  /** Undefined when it is not known. */
  private onDisk: string | undefined;

  constructor(
    private readonly path: string,
    private readonly log: Log,
  ) {}

  /** @returns undefined when there is no usable file; an unusable one is only worth a warning, the hub has it all. */
  async load(): Promise<StoredTwin | undefined> {
    try {
      const text = await readStateFile(this.path, largestBytes);
      if (text === undefined) return undefined;
      const stored = read(text);
      this.onDisk = text;
      return stored;
    } catch (error) {
      this.ignore(error);
      return undefined;
    }
  }

  /**
   * One write at a time: of what comes while the disk is busy only the newest is written, and nothing when the file
   * says it already. Resolves when that has ended; never rejects.
   */
  save({ document, version, effective }: StoredTwin): Promise<void> {
    const isNext = this.waiting !== undefined;
    this.waiting = `${JSON.stringify({ format, version, desired: document, effective })}\n`;
    if (!isNext) this.writing = this.turns.run(() => this.write());
    return this.writing;
  }

  private async write(): Promise<void> {
    const text = this.waiting;
    this.waiting = undefined;
    if (text === undefined || text === this.onDisk) return;
    this.onDisk = undefined;
    try {
      await writeFileAtomically(this.path, text);
      this.onDisk = text;
    } catch (error) {
      this.log.warn(
        `The desired properties could not be written to ${this.path} (${reasonOf(error)}); an offline start would use older ones. Check the space and the owner of the state directory.`,
      );
    }
  }

  /** Resolves when every write that was asked for has ended. */
  flushed(): Promise<void> {
    return this.writing;
  }

  private ignore(error: unknown): void {
    this.log.warn(
      `The stored desired properties in ${this.path} are not used (${reasonOf(error)}); the defaults hold until the hub is reached.`,
    );
  }
}

function read(text: string): StoredTwin {
  const stored = parseJson(text);
  if (!isJsonObject(stored) || stored['format'] !== format)
    throw new Error('not a file of this agent');
  const { version, desired, effective } = stored;
  if (typeof version !== 'number' || !isJsonObject(desired) || !isJsonObject(effective)) {
    throw new Error('members are missing');
  }
  return { version, document: desired, effective };
}
