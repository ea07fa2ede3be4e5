import type { Details } from '../../../contract/events.js';

/** The values of `HardwareCategory`: how the device is reached, or what it is for. */
export const categories = [
  'USB',
  'PCI',
  'Disk',
  'Network',
  'Sound',
  'Serial',
  'Video',
  'Input',
  'GPIO',
  'I2C',
  'SPI',
] as const;

export interface Device {
  readonly category: (typeof categories)[number];
  readonly subCategory: string;
  readonly name: string;
  readonly details: Details<'ConnectedHardware'>;
}

/** The members that are known. */
export function known(
  details: Readonly<Record<keyof Details<'ConnectedHardware'>, string | undefined>> | object,
): Details<'ConnectedHardware'> {
  return Object.fromEntries(
    Object.entries(details).filter(([, value]) => typeof value === 'string' && value !== ''),
  );
}
