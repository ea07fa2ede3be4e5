import type { AuditRecord } from './event.js';

const header = /^audit\((\d{1,12})\.(\d{3}):(\d{1,10})\):? ?/;

/** One record from its type and text, `audit(SECONDS.MILLISECONDS:SERIAL): …`; undefined when it is not one. */
export function parseRecord(type: number, text: string): AuditRecord | undefined {
  const match = header.exec(text);
  if (match === null) return undefined;
  const [whole, seconds, milliseconds, serial] = match;
  return {
    type,
    id: `${seconds}.${milliseconds}:${serial}`,
    serial: Number(serial),
    timeMs: Number(seconds) * 1000 + Number(milliseconds),
    body: text.slice(whole.length),
  };
}

/** The fields of a record by name, their values as written: quoted, hexadecimal or bare. */
export type AuditFields = ReadonlyMap<string, string>;

/**
 * Splits `name=value …`. The fields that user space nests in `msg='…'` are added beside the outer ones, which win:
 * the kernel wrote those. Words without `=`, as in AVC records, are skipped.
 */
export function parseFields(body: string): AuditFields {
  const fields = new Map<string, string>();
  addFields(body, fields, true);
  return fields;
}

let lastCall: AuditRecord | undefined;
let lastFields: AuditFields = new Map();

/**
 * `parseFields` of the record of a system call, which every reader of an event asks for, one after the other: it is split
 * for the first of them.
 */
export function fieldsOfCall(call: AuditRecord): AuditFields {
  if (call !== lastCall) {
    lastFields = parseFields(call.body);
    lastCall = call;
  }
  return lastFields;
}

function addFields(body: string, fields: Map<string, string>, mayNest: boolean): void {
  let at = 0;
  let equals = body.indexOf('=');
  while (at < body.length) {
    const space = endOfWord(body, at);
    if (space === at) {
      at++;
      continue;
    }
    // Looked for once: a body of many words and one "=" is read once, not once for each word.
    if (equals !== -1 && equals < at) equals = body.indexOf('=', at);
    if (equals === -1) return;
    if (equals > space) {
      at = space;
      continue;
    }
    const name = body.slice(at, equals);
    const start = equals + 1;
    const quote = body[start];
    let end: number;
    if (quote === '"') {
      const closing = body.indexOf('"', start + 1);
      end = closing === -1 ? body.length : closing + 1;
    } else if (quote === "'" && mayNest) {
      const closing = body.lastIndexOf("'");
      end = closing <= start ? body.length : closing + 1;
      addFields(body.slice(start + 1, closing <= start ? end : closing), fields, false);
    } else end = space;
    // The nested text itself is of no use once its fields are out.
    if ((quote !== "'" || !mayNest) && !fields.has(name)) fields.set(name, body.slice(start, end));
    at = end;
  }
}

/** Where the word that begins at `at` ends: at a blank, or at the 0x1d before the fields that auditd added. */
function endOfWord(body: string, at: number): number {
  for (let index = at; index < body.length; index++) {
    const code = body.charCodeAt(index);
    if (code === 0x20 || code === 0x1d || code === 0x0a || code === 0) return index;
  }
  return body.length;
}

const hexadecimal = /^(?:[0-9A-F]{2})+$/;

/**
 * The bytes of a field whose text a program chose (comm, exe, cwd, key, a0 …): quoted, or bare upper-case hexadecimal
 * when it holds a blank, a quote, or anything outside ASCII (`audit_log_untrustedstring`). Quoted text is never taken
 * for hexadecimal. Undefined when unset.
 */
export function untrustedBytes(raw: string | undefined): Buffer | undefined {
  if (raw === undefined || raw === '(null)' || raw === '?') return undefined;
  if (raw.startsWith('"')) return Buffer.from(unquote(raw));
  return hexadecimal.test(raw) ? Buffer.from(raw, 'hex') : Buffer.from(raw);
}

/** `untrustedBytes` as text; what is not UTF-8 becomes U+FFFD. */
export function untrustedText(raw: string | undefined): string | undefined {
  if (raw?.startsWith('"') === true) return unquote(raw);
  return untrustedBytes(raw)?.toString('utf8');
}

/**
 * A path as `untrustedText`; undefined where the kernel wrote why it has none (`audit_log_d_path` in kernel/audit.c), and
 * where its quote does not close: the line was cut, and a part of a path names another file.
 */
export function untrustedPath(raw: string | undefined): string | undefined {
  if (raw?.startsWith('"') === true && (raw.length < 2 || !raw.endsWith('"'))) return undefined;
  const path = untrustedText(raw);
  return path === '<too_long>' || path === '<no_memory>' ? undefined : path;
}

/** A field that the kernel or a trusted program wrote as it is. */
export function plainText(raw: string | undefined): string | undefined {
  if (raw === undefined || raw === '' || raw === '(null)' || raw === '?' || raw === '(none)')
    return undefined;
  return raw.startsWith('"') ? unquote(raw) : raw;
}

/** A decimal field; undefined when absent, malformed, or 4294967295, the kernel's "unset". */
export function decimal(raw: string | undefined): number | undefined {
  if (raw === undefined || !/^-?\d{1,15}$/.test(raw)) return undefined;
  const value = Number(raw);
  return value === 0xffff_ffff || value === -1 ? undefined : value;
}

function unquote(raw: string): string {
  return raw.slice(1, raw.length > 1 && raw.endsWith('"') ? -1 : undefined);
}
