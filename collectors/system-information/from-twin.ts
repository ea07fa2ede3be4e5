import type { TwinSettings } from '../../config/twin-settings.js';
import { known, type Told } from './system-files.js';

/** What the twin says of a device that does not tell it itself. */
export type SaidOfDevice = Pick<
  TwinSettings,
  'hardwareVendor' | 'hardwareModel' | 'hardwareSerialNumber' | 'firmwareVendor' | 'firmwareVersion'
>;

/** The settings of the twin in the place of what the device tells, and which they are. */
export function fromTwin(settings: SaidOfDevice): Told {
  // A text without a letter in it says nothing.
  const said = (text: string | null): string | undefined => text?.trim() || undefined;
  const fields = known({ BIOSVersion: said(settings.firmwareVersion) });
  const details = known({
    BiosVendor: said(settings.firmwareVendor),
    Manufacturer: said(settings.hardwareVendor),
    Model: said(settings.hardwareModel),
    SerialNumber: said(settings.hardwareSerialNumber),
  });
  const names = [...Object.keys(fields), ...Object.keys(details)];
  return names.length === 0 ? {} : { fields, details: { ...details, FromTwin: names.join(', ') } };
}
