import { constants, openSync, writeSync } from 'node:fs';
import type { Libc } from '../libc.js';
import { addressFamilies, socketTypes } from '../libc.js';
import type { WriteSystemLog } from './foreign.js';

const journalPath = '/run/systemd/journal/socket';
const kernelLogPath = '/dev/kmsg';
/** LOG_NOTICE, the level at which the kernel prints audit records. */
const priority = 5;

/**
 * Writes to the journal in its native protocol (systemd.journal-fields(7)), or to the kernel log without one. Opens
 * what it needs at the first line and keeps it until the process ends.
 */
export function systemLog(libc: Libc): WriteSystemLog {
  const address = Buffer.alloc(2 + journalPath.length + 1);
  address.writeUInt16LE(addressFamilies.unix, 0);
  address.write(journalPath, 2);
  let journal: number | undefined;
  let kernelLog: number | undefined;

  const toJournal = (line: string): boolean => {
    const { datagram, nonBlocking, closeOnExec } = socketTypes;
    journal ??= libc.socket(addressFamilies.unix, datagram | nonBlocking | closeOnExec, 0);
    const entry = `MESSAGE=${line}\nPRIORITY=${priority}\nSYSLOG_IDENTIFIER=audit\n`;
    return journal >= 0 && libc.send(journal, Buffer.from(entry), address) >= 0;
  };
  const toKernelLog = (line: string): boolean => {
    try {
      kernelLog ??= openSync(kernelLogPath, constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(kernelLog, `<${priority}>${line}\n`);
      return true;
    } catch {
      // Not there, not allowed, or over the kernel's own limit: the caller counts the line.
      return false;
    }
  };
  return (line) => {
    // A line feed would begin another field of the journal's protocol.
    // eslint-disable-next-line no-control-regex
    const text = line.replace(/[\u0000-\u001f]/g, ' ');
    return toJournal(text) || toKernelLog(text);
  };
}
