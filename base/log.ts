import winston from 'winston';
import type { Clock } from './clock.js';
import { isJournal, openJournalStream } from './journal-stream.js';
import { type LogGap, LogOutput } from './log-output.js';
import { printable } from './text.js';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Values that may stand beside a message; never a secret. */
type LogFields = Readonly<Record<string, string | number | boolean>>;

export type Log = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>;

/** Syslog priorities that systemd reads from the start of a line, see sd-daemon(3). */
const syslogPrefix: Record<LogLevel, string> = {
  error: '<3>',
  warn: '<4>',
  info: '<6>',
  debug: '<7>',
};

function line(message: unknown, fields: Record<string, unknown>): string {
  const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  return printable(`${String(message)}${pairs.join('')}`);
}

/** Where the log goes on this run: standard error, and the journal anew when it was that and breaks. */
interface LogTarget {
  readonly output: LogOutput;
  /** Whether it is the journal that reads, which takes a priority in front of each line. */
  readonly isJournal: boolean;
}

export function logTarget(clock: Clock, environment: NodeJS.ProcessEnv): LogTarget {
  const { stderr } = process;
  const reads = isJournal(stderr.fd, environment);
  const output = new LogOutput({
    stream: stderr,
    ...(reads && { reopen: () => openJournalStream() }),
    clock,
  });
  return { output, isJournal: reads };
}

/** Writes with a syslog priority in front when the journal reads it, with the time and the level otherwise. */
export function createLog(level: LogLevel, { output, isJournal: reads }: LogTarget): Log {
  const logger = winston.createLogger({
    level,
    format: winston.format.printf(({ level: name, message, ...fields }) => {
      const text = line(message, fields);
      return reads
        ? `${syslogPrefix[name as LogLevel]}${text}`
        : `${new Date().toISOString()} ${name.padEnd(5)} ${text}`;
    }),
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston types its transports as interfaces of their own
    transports: new winston.transports.Stream({ stream: output }),
  });
  const at =
    (name: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      logger.log({ ...fields, level: name, message });
    };
  const log = { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
  output.whenRegained((gap) => log.warn(gapSentence(gap)));
  return log;
}

function gapSentence({ lost, late, reason }: LogGap): string {
  return `The log could not be written for a while: ${reason}. Lines lost: ${lost}; lines before this one that came late: ${late}.`;
}

export const silentLog: Log = { error: noop, warn: noop, info: noop, debug: noop };

function noop(): void {
  // A log that nobody reads.
}
