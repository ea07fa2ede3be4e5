/** What stands before a record in a line that a forwarder or the kernel's log has written. */
interface Prefixed {
  /** The name of the device that wrote it; '' where the prefix names none. */
  readonly host: string;
  /** The rest of the line, which begins with `node=`, `type=` or what else was logged. */
  readonly text: string;
}

const priority = String.raw`(?:<\d{1,3}>)?`;
/** RFC 3164 with or without the year, RFC 3339, or seconds since the epoch. */
const time = String.raw`(?:[A-Z][a-z]{2} +\d{1,2} (?:\d{4} )?\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?: \d{4})?|\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}\S{0,20}|\d{10}(?:\.\d{1,9})?)`;
/** The host, and what relays and BusyBox put after it; none ends in a colon, which ends the tag. */
const words = String.raw`(?:(?<host>[^\s:]|\S{0,253}[^\s:]) )?(?:\S{0,253}[^\s:] ){0,2}?`;
/** Programs that pass audit on have it in their name: audispd, audisp-syslog, tag_audit_log; the kernel prints it. */
const tag = String.raw`[\w./-]{0,40}(?:[aA]udi|AUDI|kernel)[\w./-]{0,40}(?:\[\d{1,10}\])?: ?`;

const syslog = new RegExp(String.raw`^${priority}(?:1 )?(?:${time} )${words}${tag}`, 'u');
const tagOnly = new RegExp(String.raw`^${priority}${tag}`, 'u');
/** RFC 5424: version, time, host, program, process, message id, structured data. */
const syslog5424 = new RegExp(
  String.raw`^<\d{1,3}>1 (?:${time}|-) (?<host>\S{1,255}) \S{1,48} \S{1,128} \S{1,32} (?:-|(?:\[[^\]]{0,2000}\])+) \ufeff?`,
  'u',
);
/**
 * `[   12.345678]`, `[Mon Mar  1 10:00:00 2021]`, with the processor or thread (`[    T1]`), or as in /dev/kmsg; of
 * `dmesg` also the facility (`-x`), the time in words (`-H`) and in ISO 8601 (`--time-format iso`).
 */
const printed = new RegExp(
  [
    String.raw`^(?:<\d{1,3}>)?(?:[a-z\d]{3,9} {0,6}:[a-z]{3,6} {0,6}: )?`,
    String.raw`(?:(?:\[(?:[ \d]{1,10}\.\d{6}|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}|[A-Z][a-z]{2}[ \d]\d \d{2}:\d{2}| {0,8}\+\d{1,6}\.\d{6})\]`,
    String.raw`|\d{4}-\d{2}-\d{2}T[\d:]{8},\d{6}\S{0,6}) ?(?:\[ {0,8}[CT]\d{1,8}\] ?)?`,
    String.raw`|\d{1,5},\d{1,20},\d{1,20},[^;]{1,20};)`,
  ].join(''),
  'u',
);
const kernelWord = /^(?:kernel: ?)?(?:audit: ?)?(?=type=|node=|audit\()/u;

/**
 * Takes off what syslog, its forwarders and the kernel's log write before a record. Only what stands before it is looked
 * at, and only that of programs that pass audit on: text that looks like a record within the message of another program,
 * where a stranger may have put it, stays part of that message.
 */
export function withoutPrefix(line: string): Prefixed {
  // Files that lost their tail in a crash go on after zeros; some begin with a byte order mark.
  let text = line.replace(/^[\0\ufeff]+/u, '');
  let host = '';
  const match = syslog5424.exec(text) ?? syslog.exec(text) ?? tagOnly.exec(text);
  if (match !== null) {
    host = match.groups?.['host'] ?? '';
    text = text.slice(match[0].length);
  }
  text = text.replace(printed, '').trimStart().replace(kernelWord, '');
  return { host, text };
}
