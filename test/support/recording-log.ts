import type { Log, LogLevel } from '../../base/log.js';

interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
}

export interface RecordingLog extends Log {
  readonly lines: readonly LogLine[];
  /** The messages, of one level or of all. */
  messages(level?: LogLevel): readonly string[];
}

/** A log that keeps its lines, so that a test can say what an operator would have read. */
export function recordingLog(): RecordingLog {
  const lines: LogLine[] = [];
  const at = (level: LogLevel) => (message: string) => void lines.push({ level, message });
  return {
    lines,
    messages: (level) =>
      lines.filter((line) => level === undefined || line.level === level).map((l) => l.message),
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
  };
}
