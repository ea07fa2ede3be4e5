import { oneByOne } from './fact-reader.js';
import { absent, mapReading } from './reading.js';

/** The value that is in force, as text; `net.ipv4.ip_forward` is /proc/sys/net/ipv4/ip_forward. */
export const readParameters = oneByOne<string>(async (name, { files }) => {
  const reading = await files.text(`/proc/sys/${name.replaceAll('.', '/')}`, 4096);
  if ('absent' in reading) return absent(`this kernel has no parameter ${name}`);
  return mapReading(reading, (text) => text.trim());
});
