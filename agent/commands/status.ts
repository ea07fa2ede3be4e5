import { setTimeout as sleep } from 'node:timers/promises';
import { statusExitCodes } from '../../base/exit-codes.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import { readLocalSettings, defaultConfigFile } from '../../config/read-local-settings.js';
import { askStatus } from '../status/client.js';
import { statusSocket } from '../status/service.js';
import { statusText } from '../status/text.js';
import { configOption, type Command } from './command.js';

const redrawMs = 2_000;
/** Cursor home, and everything below it erased (ECMA-48). */
const clearScreen = '\u001b[H\u001b[J';

export const statusCommand: Command = {
  name: 'status',
  meaning: 'Asks the running agent how it is.',
  options: {
    config: configOption,
    json: { type: 'boolean', meaning: 'Print the whole status as one line of JSON.' },
    watch: { type: 'boolean', meaning: 'Ask again every 2 seconds, until interrupted.' },
  },
  exitCodes: {
    [statusExitCodes.healthy]: 'The agent is healthy.',
    [statusExitCodes.degraded]: 'The agent is degraded; the output begins with the reason.',
    [statusExitCodes.notRunning]: 'The agent is not running, or may not be asked by this user.',
  },
  run: async (parsed) => {
    const ended = new AbortController();
    const end = (): void => ended.abort();
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
    // EPIPE: whoever read the output has gone.
    process.stdout.on('error', end);
    return status({
      socket: await socketOf(parsed.text('config') ?? defaultConfigFile),
      json: parsed.flag('json'),
      watch: parsed.flag('watch') ? ended.signal : undefined,
      before: parsed.flag('watch') && process.stdout.isTTY ? clearScreen : '',
      write: (text) => void process.stdout.write(text),
      warn: (text) => void process.stderr.write(text),
    });
  },
};

interface StatusCommandOptions {
  readonly socket: string;
  readonly json: boolean;
  /** Asked again until this is aborted; once when undefined. */
  readonly watch: AbortSignal | undefined;
  /** Written before each status. */
  readonly before: string;
  readonly write: (text: string) => void;
  readonly warn: (text: string) => void;
}

/** @returns the exit code of the last status */
export async function status(options: StatusCommandOptions): Promise<number> {
  const { before, json, socket, warn, watch, write } = options;
  for (let round = 0; ; round++) {
    const answer = await askStatus(socket);
    const between = round > 0 && before === '' && !json ? '\n' : '';
    if ('unanswered' in answer) {
      write(between + before);
      warn(`${answer.unanswered}\n`);
    } else {
      write(between + before + (json ? `${JSON.stringify(answer)}\n` : statusText(answer)));
    }
    const code =
      'unanswered' in answer ? statusExitCodes.notRunning : statusExitCodes[answer.health];
    if (watch === undefined) return code;
    await sleep(redrawMs, undefined, { signal: watch }).catch(() => undefined);
    if (watch.aborted) return code;
  }
}

/** A configuration that this user may not read, or that is broken, is no reason not to ask: then the standard place is. */
async function socketOf(configFile: string): Promise<string> {
  const read = await readLocalSettings(configFile);
  const { runtimeDirectory } = 'settings' in read ? read.settings : standardLocalSettings();
  return statusSocket(runtimeDirectory);
}
