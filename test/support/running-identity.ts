import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { desired, deviceId, Fixture, quick, startMarked, startsOf } from './running-agent.js';

export { deviceId };

/** The agent of a device that is registered at the hub, whose identity the test configures. */
export class IdentityFixture extends Fixture {
  private marks = 0;

  /** The module is there with keys; its settings send within a second. */
  override async startHub(...parameters: Parameters<Fixture['startHub']>): Promise<void> {
    await super.startHub(...parameters);
    this.hub.registerModule(deviceId);
    this.hub.patchDesired(deviceId, desired(quick));
  }

  /** Writes a secret so that only the agent may read it. */
  secret(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, `${text}\n`);
    chmodSync(path, 0o600);
    return path;
  }

  /** What happens from now on arrives as a valid message. */
  async messageArrives(timeoutMs = 30_000): Promise<void> {
    this.marks += 1;
    const mark = `mark-${this.marks}-of-${process.pid}-${this.directory}`;
    const seen = (): boolean =>
      [...startsOf(this.hub.messages).keys()].some((line) => line.includes(mark));
    await startMarked(mark);
    const messages = await this.hub.awaitMessages(seen, timeoutMs);
    expect(messages.flatMap(({ problems }) => problems)).toEqual([]);
  }

  /** Resolves when the agent has said it. */
  async says(sentence: RegExp, timeoutMs = 20_000): Promise<void> {
    await expect.poll(() => this.log.join('\n'), { timeout: timeoutMs }).toMatch(sentence);
  }

  /** None of these stands in the log or in a file of the agent's state. */
  keeps(...secrets: readonly string[]): void {
    const state = join(this.directory, 'state');
    const files = readdirSync(state, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => textOf(join(entry.parentPath, entry.name)));
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(8);
      for (const text of [...this.log, ...files]) expect(text).not.toContain(secret);
    }
  }
}

/** Nothing of a file that the agent is done with meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
