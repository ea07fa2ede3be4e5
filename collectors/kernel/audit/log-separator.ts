/** What auditd puts between a record and the names that it adds to it (`log_format = ENRICHED`). */
export const separator = '\u001d';

/** Names of what auditd adds (`auparse/interpret.c` and `audit/src/auditd-event.c`): in upper case, unlike the kernel's. */
const added =
  'ARCH|SYSCALL|SADDR|UID|GID|EUID|SUID|FSUID|EGID|SGID|FSGID|AUID|OAUID|SAUID|IUID|OUID|OGID|ID|INODE_UID|INODE_GID|NEW-AUID|OLD-AUID|OBJ_UID|OBJ_GID';
/** How forwarders write a control character: rsyslog, its C style and syslog-ng, JSON, octal, caret, URL; or as one that means none. */
const escaped = String.raw`#035|\\x1[dD]|\\u001[dD]|\\035|\^\]|%1[dD]|\ufffd|[?.\t]`;

/**
 * Quoted text is passed over: what looks like the end of a record there was written by whoever chose the text. The
 * kernel quotes nothing that holds a quote; what user space nests in `msg='…'` ends at the last one.
 */
const quotedOrAdded = new RegExp(
  String.raw`"[^"]*"|\bmsg='.*'|(?:${escaped})?(?<added>(?:${added})=)`,
  'gsu',
);
/** A value ends before it: a quote, `(null)`, or a number. */
const valueEnd = /["')0-9A-Fa-f]/u;
const lineEnd = /(?:\s|#01[25]|\\[rn]|\\x0[ad]|\^[MJ])+$/u;

/**
 * The text of a record with the 0x1d before what auditd added, where a forwarder has escaped it or taken it out, and
 * without an escaped end of line.
 */
export function restoreSeparator(body: string): string {
  const text = body.replace(lineEnd, '');
  if (text.includes(separator) || !/[A-Z]=/u.test(text)) return text;
  for (const match of text.matchAll(quotedOrAdded)) {
    const name = match.groups?.['added'];
    if (name === undefined || !valueEnd.test(text[match.index - 1] ?? '')) continue;
    const nameAt = match.index + match[0].length - name.length;
    return text.slice(0, match.index) + separator + text.slice(nameAt);
  }
  return text;
}

/** The record as the kernel wrote it, without what auditd added. */
export function asTheKernelWrote(body: string): string {
  const at = body.indexOf(separator);
  return (at === -1 ? body : body.slice(0, at)).trimEnd();
}
