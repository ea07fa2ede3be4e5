import winston from 'winston';
import { printable } from './text.js';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Values that may stand beside a message; never a secret. */
export type LogFields = Readonly<Record<string, string | number | boolean>>;

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

/**
 * Writes to standard error: with a syslog priority in front when systemd reads it (`JOURNAL_STREAM` is set), with
 * the time and the level otherwise.
 */
export function createLog(level: LogLevel, environment: NodeJS.ProcessEnv = process.env): Log {
  const underSystemd = environment['JOURNAL_STREAM'] !== undefined;
  const console = new winston.transports.Console({
    stderrLevels: ['error', 'warn', 'info', 'debug'],
  });
  const logger = winston.createLogger({
    level,
    format: winston.format.printf(({ level: name, message, ...fields }) => {
      const text = line(message, fields);
      return underSystemd
        ? `${syslogPrefix[name as LogLevel]}${text}`
        : `${new Date().toISOString()} ${name.padEnd(5)} ${text}`;
    }),
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- winston types Console as an interface of its own
    transports: console,
  });
  const at =
    (name: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      logger.log({ ...fields, level: name, message });
    };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}

export const silentLog: Log = { error: noop, warn: noop, info: noop, debug: noop };

function noop(): void {
  // A log that nobody reads.
}
