import { type AuditFields, parseFields } from './record.js';

/**
 * A record that a program sent: `pid=… uid=… auid=… ses=… msg='op=… acct=… exe=… hostname=… addr=… terminal=… res=…'`.
 *
 * What stands outside of `msg` the kernel wrote, about the process that sent the record; what stands inside the program
 * wrote, about what it did. A name that stands in both places means two different things, so the two are kept apart.
 */
export interface UserRecord {
  /** Fields of the kernel, and after them those that auditd adds to an enriched log (`UID`, `ID`). */
  readonly kernel: AuditFields;
  /** Fields of the program; of several with one name the first. */
  readonly first: AuditFields;
  /** Fields of the program; of several with one name the last. */
  readonly last: AuditFields;
  /** What the program wrote before its first field, as programs did before there was `op`: `PAM: authentication`. */
  readonly introduction: string;
}

/** Never throws; what is not there is absent from the answer. */
export function splitUserRecord(body: string): UserRecord {
  const quoted = body.indexOf(" msg='");
  // A forwarder may have taken the quotes away.
  const start = quoted === -1 ? body.indexOf(' msg=') : quoted;
  if (start === -1) {
    return { kernel: parseFields(body), first: new Map(), last: new Map(), introduction: '' };
  }
  const isQuoted = quoted !== -1;
  const textStart = start + (isQuoted ? " msg='".length : ' msg='.length);
  const textEnd = isQuoted ? endOfQuoted(body, textStart) : endOfBare(body, textStart);
  const isCut = textEnd === undefined;
  const text = body.slice(textStart, textEnd);
  const after = isCut ? '' : body.slice(textEnd + (isQuoted ? 1 : 0));
  return { kernel: parseFields(`${body.slice(0, start)} ${after}`), ...programFields(text, isCut) };
}

/** What auditd adds to an enriched record; a forwarder may have taken the 0x1d before it away. */
const additions = /^ *(?:[A-Z]{2,8}="[^"]*" *)*$/u;
/** Names of users that auditd adds may hold a quote. */
const mostQuotesAdded = 8;

/** Where the quote is that ends the text: the last one, but for those in what auditd added. Undefined in a cut record. */
function endOfQuoted(body: string, textStart: number): number | undefined {
  let at = body.length;
  for (let tries = 0; tries < mostQuotesAdded; tries++) {
    at = body.lastIndexOf("'", at - 1);
    if (at < textStart) return undefined;
    if (additions.test(body.slice(at + 1).replaceAll('\u001d', ' '))) return at;
  }
  return undefined;
}

function endOfBare(body: string, textStart: number): number {
  const added = body.indexOf('\u001d', textStart);
  return added === -1 ? body.length : added;
}

const fieldPattern = /(?:^|[\s(])([A-Za-z][\w-]{0,31})=("[^"]*"?|\S*)/gu;

function programFields(text: string, isCut: boolean): Omit<UserRecord, 'kernel'> {
  const first = new Map<string, string>();
  const last = new Map<string, string>();
  const isOldForm = text.includes('(hostname=');
  let introduction = text;
  let final = '';
  for (const match of text.matchAll(fieldPattern)) {
    const [, name = '', written = ''] = match;
    if (first.size === 0) introduction = text.slice(0, match.index);
    const value = isOldForm && !written.startsWith('"') ? bareOf(written) : written;
    if (!first.has(name)) first.set(name, value);
    last.set(name, value);
    final = name;
  }
  // The last value of a record that was cut may be half of what it was; half of a verdict is none anyway.
  if (isCut && final !== 'res') {
    if (first.get(final) === last.get(final)) first.delete(final);
    last.delete(final);
  }
  const result = text.lastIndexOf('result=');
  if (result !== -1) last.set('result', text.slice(result + 'result='.length));
  return { first, last, introduction: introduction.trim() };
}

/** Until 2008 values were followed by the punctuation of a sentence: `uid=848: exe=… (hostname=?, addr=?, … res=failed)`. */
function bareOf(written: string): string {
  return written.replace(/[,)]+$/u, '').replace(/(?<!:):$/u, '');
}
