import type { SubjectReader } from './fact-reader.js';
import { found, unreadable } from './reading.js';

/** A network interface of the agent's network namespace. */
export interface NetworkInterface {
  readonly name: string;
  readonly up: boolean;
  readonly wireless: boolean;
  /** It takes packets for others, and is not the port of a bridge or bond, for which that is needed. */
  readonly sniffing: boolean;
}

/** linux/if.h */
const isUp = 0x1;
const isPromiscuous = 0x100;

export const readNetworkInterfaces: SubjectReader<readonly NetworkInterface[]> = async ({
  files,
}) => {
  const names = await files.names('/sys/class/net');
  if (!('value' in names)) return names;
  const interfaces: NetworkInterface[] = [];
  for (const name of names.value) {
    const at = `/sys/class/net/${name}`;
    const text = await files.text(`${at}/flags`, 64);
    // bonding_masters is a file, and an interface may go at any moment.
    if ('absent' in text) continue;
    if ('unreadable' in text) return text;
    const flags = Number.parseInt(text.value, 16);
    if (Number.isNaN(flags)) return unreadable(`${at}/flags holds no number`);
    const has = async (what: string) => 'value' in (await files.state(`${at}/${what}`));
    const belongs = (await has('brport')) || (await has('master'));
    interfaces.push({
      name,
      up: (flags & isUp) !== 0,
      wireless: (await has('phy80211')) || (await has('wireless')),
      sniffing: (flags & isPromiscuous) !== 0 && !belongs,
    });
  }
  return found(interfaces);
};
