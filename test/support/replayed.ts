import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { replay } from '../../agent/commands/replay.js';
import type { SecurityEvent } from '../../agent/pipeline/event.js';

/** The text of a recorded log in `test/agent/cases`. */
export function logText(name: string): string {
  return readFileSync(new URL(`../agent/cases/${name}`, import.meta.url), 'utf8');
}

/** What `replay -` prints of a log. */
export async function replayed(text: string) {
  let output = '';
  const warnings: string[] = [];
  const code = await replay({
    files: ['-'],
    stdin: Readable.from([Buffer.from(text)]),
    write: (written) => {
      output += written;
      return Promise.resolve(true);
    },
    warn: (sentence) => warnings.push(sentence),
  });
  const events = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as SecurityEvent);
  const losses = Object.fromEntries(
    warnings.flatMap((sentence) => {
      const [, count, cause = ''] = /^(\d+) × (\w+):/u.exec(sentence) ?? [];
      return count === undefined ? [] : [[cause, Number(count)]];
    }),
  );
  const payloads = events.flatMap(({ Payload }) => Payload);
  return { code, events, payloads, warnings, losses, brief: payloads.map(briefly) };
}

/** `In 192.0.2.9:50012` of a connection, the command line and the directory of a program. */
function briefly(payload: object): string {
  const fields = payload as Readonly<Record<string, unknown>>;
  if ('RemoteAddress' in fields) {
    const { Direction, RemoteAddress, RemotePort } = fields;
    return `${String(Direction)} ${String(RemoteAddress)}:${String(RemotePort)}`;
  }
  const { WorkingDirectory } = (fields['ExtraDetails'] ?? {}) as { WorkingDirectory?: string };
  const line = String(fields['CommandLine']);
  return WorkingDirectory === undefined ? line : `${line} in ${WorkingDirectory}`;
}
