import type { Log, LogLevel } from '../../agent/log.js';

/** A log that keeps its lines, so that a test can say what an operator would have read. */
export function recordingLog(): Log & { lines(level?: LogLevel): readonly string[] } {
  const written: { level: LogLevel; message: string }[] = [];
  const at = (level: LogLevel) => (message: string) => void written.push({ level, message });
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    lines: (level) =>
      written.filter((line) => level === undefined || line.level === level).map((l) => l.message),
  };
}
