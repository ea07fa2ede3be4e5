/** Base classes of PCI (PCI Code and ID Assignment), as sub-categories. */
const pciClasses: Readonly<Record<string, string>> = {
  '00': 'Unclassified',
  '01': 'Mass storage',
  '02': 'Network',
  '03': 'Display',
  '04': 'Multimedia',
  '05': 'Memory',
  '06': 'Bridge',
  '07': 'Communication',
  '08': 'System',
  '09': 'Input',
  '0a': 'Docking station',
  '0b': 'Processor',
  '0c': 'Serial bus',
  '0d': 'Wireless',
  '0e': 'Intelligent controller',
  '0f': 'Satellite',
  '10': 'Encryption',
  '11': 'Signal processing',
  '12': 'Accelerator',
  '40': 'Coprocessor',
};

/** Classes of USB (usb.org, defined class codes), as sub-categories. */
const usbClasses: Readonly<Record<string, string>> = {
  '01': 'Audio',
  '02': 'Communication',
  '03': 'Human interface',
  '05': 'Physical interface',
  '06': 'Image',
  '07': 'Printer',
  '08': 'Mass storage',
  '09': 'Hub',
  '0a': 'Communication',
  '0b': 'Smart card',
  '0d': 'Content security',
  '0e': 'Video',
  '0f': 'Personal healthcare',
  '10': 'Audio and video',
  '11': 'Billboard',
  dc: 'Diagnostic',
  e0: 'Wireless',
  ef: 'Miscellaneous',
  fe: 'Application specific',
  ff: 'Vendor specific',
};

/** @param code as `class` has it, `0x0c0330` */
export function pciClass(code: string | undefined): string {
  const base = /^0x([0-9a-f]{2})[0-9a-f]{4}$/iu.exec(code ?? '')?.[1]?.toLowerCase();
  return (base !== undefined && pciClasses[base]) || 'Other';
}

/**
 * What a USB device is: its class, or, as most devices leave that to their interfaces, the classes of these, each once.
 *
 * @param codes of the device first, two hexadecimal digits
 */
export function usbClass(codes: readonly (string | undefined)[]): string {
  const [device, ...interfaces] = codes.map((code) => code?.toLowerCase());
  const own = device === undefined ? undefined : usbClasses[device];
  // 00: ask the interfaces; ef: the same, for functions of several interfaces.
  if (own !== undefined && device !== 'ef') return own;
  const names = interfaces.flatMap((code) => (code === undefined ? [] : (usbClasses[code] ?? [])));
  return names.length === 0 ? (own ?? 'Other') : [...new Set(names)].sort().join(', ');
}
