import type { SubjectReader } from './fact-reader.js';
import { absent, found, unreadable } from './reading.js';

/** UEFI specification, "Globally Defined Variables"; efivarfs puts four bytes of attributes before the value. */
const variable = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

export const readSecureBoot: SubjectReader<boolean> = async ({ files }) => {
  const firmware = await files.state('/sys/firmware/efi');
  if ('absent' in firmware) return absent('the device was not started by UEFI');
  const bytes = await files.bytes(variable, 64);
  if ('absent' in bytes) return found(false);
  if (!('value' in bytes)) return bytes;
  if (bytes.value.length !== 5) return unreadable('the variable SecureBoot has an unknown form');
  return found(bytes.value[4] === 1);
};
