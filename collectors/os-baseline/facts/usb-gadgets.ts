import type { SubjectReader } from './fact-reader.js';
import { found } from './reading.js';

/** Functions of a USB gadget that is bound to a port (configfs), as `acm.usb0`. */
export const readUsbGadgets: SubjectReader<readonly string[]> = async ({ files }) => {
  const at = '/sys/kernel/config/usb_gadget';
  const names = await files.names(at);
  if (!('value' in names)) return names;
  const functions: string[] = [];
  for (const name of names.value) {
    const port = await files.text(`${at}/${name}/UDC`, 256);
    if ('unreadable' in port) return port;
    if (!('value' in port) || port.value.trim() === '') continue;
    const some = await files.names(`${at}/${name}/functions`);
    if ('unreadable' in some) return some;
    if ('value' in some) functions.push(...some.value);
  }
  return found(functions);
};
