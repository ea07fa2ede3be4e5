/** A line of a log that a forwarder wrote as JSON. */
export interface Wrapped {
  /** The device, '' where it is not named. */
  readonly host: string;
  /** What may hold the line as it was. */
  readonly texts: readonly string[];
}

/**
 * The original line in an object of JSON, as Filebeat, Fluentd, Fluent Bit, Vector, Docker and `journalctl -o json` write
 * it, one a line, also as the elements of an array, or as a store of logs gives it back; Fluentd puts the time and a tag
 * before. Undefined for what is no such object.
 */
export function unwrap(line: string): Wrapped | undefined {
  const text = line
    .replace(/^\ufeff?(?:[^\t{]{1,64}\t[^\t{]{1,255}\t)?\s*\[?\s*/u, '')
    .replace(/(?<=\})\s{0,8}[,\]]\s{0,8}$/u, '');
  if (!text.startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isObject(value) ? fromObject(value) : undefined;
}

function fromObject(value: Record<string, unknown>, deeper = deepest): Wrapped {
  const host = hostOf(value);
  const journaled = fromJournal(value);
  if (journaled !== undefined) return { host, texts: [journaled] };
  const inner = [value['event'], value['log']].filter(isObject).map(({ original }) => original);
  const texts = [...textKeys.map((key) => value[key]), ...inner]
    .map(textOf)
    .filter((candidate) => candidate !== undefined);
  return texts.length > 0 || deeper === 0 ? { host, texts } : fromStore(value, host, deeper - 1);
}

/** A store puts one object around what it was given, and its answer another. */
const deepest = 3;
/** Under these, stores of logs give back what was put in: Elasticsearch and Graylog, Splunk, others. */
const storeKeys = ['_source', 'result', 'fields', 'data', 'record', 'body'] as const;

/** What a store says of a line surrounds the object that it was given. */
function fromStore(value: Record<string, unknown>, host: string, deeper: number): Wrapped {
  for (const key of storeKeys) {
    const stored = value[key];
    const wrapped = isObject(stored) ? fromObject(stored, deeper) : undefined;
    if (wrapped !== undefined && wrapped.texts.length > 0)
      return wrapped.host === '' ? { ...wrapped, host } : wrapped;
  }
  return { host, texts: [] };
}

const textKeys = [
  ...['message', 'MESSAGE', 'log', 'msg', 'event', 'line', 'raw', '_raw', 'original', 'full_log'],
  ...['full_message', 'short_message', 'body', 'content', 'text'],
] as const;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** journalctl writes text that is not UTF-8 as an array of its bytes. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.replace(/[\r\n]+$/u, '');
  const isBytes =
    Array.isArray(value) &&
    value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256);
  return isBytes ? Buffer.from(value as number[]).toString('utf8') : undefined;
}

function hostOf(value: Record<string, unknown>): string {
  const { host } = value;
  const names = [
    ...(isObject(host) ? [host['name'], host['hostname']] : [host]),
    value['hostname'],
    value['_HOSTNAME'],
    value['node'],
  ];
  for (const nested of [value['agent'], value['beat']])
    if (isObject(nested)) names.push(nested['hostname']);
  return names.find((name): name is string => typeof name === 'string' && name !== '') ?? '';
}

/**
 * The journal takes a record apart (`journald-audit.c` of systemd): type, serial and time are fields of their own, and
 * the text begins with the name of the type.
 */
function fromJournal(value: Record<string, unknown>): string | undefined {
  const { _AUDIT_TYPE: type, _AUDIT_ID: serial, _SOURCE_REALTIME_TIMESTAMP: stamp } = value;
  const text = textOf(value['MESSAGE']);
  const isRecord =
    typeof type === 'string' && typeof serial === 'string' && typeof stamp === 'string';
  if (!isRecord || text === undefined || !/^\d{7,16}$/u.test(stamp)) return undefined;
  const body = text.replace(/^[A-Z][A-Z0-9_]{2,40}(?: |$)/u, '');
  return `type=${type} msg=audit(${stamp.slice(0, -6)}.${stamp.slice(-6, -3)}:${serial}): ${body}`;
}
