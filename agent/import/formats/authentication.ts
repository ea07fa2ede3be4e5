import { isAbsolute, join } from 'node:path';
import { printable } from '../../../base/text.js';
import { type GivenFile, ImportError, type OldIdentity, type OldSecret } from './findings.js';

/** What both old agents say of who they are, whatever their keys are called (agents.md §1.1). */
export interface Authentication {
  /** `SecurityModule` or `Module`, `Device`, `DPS`. */
  readonly identity: string;
  /** `SasToken` or `SymmetricKey`, `SelfSignedCertificate`. */
  readonly method: string;
  readonly filePath: string;
  readonly hostName: string;
  readonly deviceId: string;
  readonly moduleId: string;
  readonly idScope: string;
  readonly registrationId: string;
}

const modes: Readonly<Record<string, 'module' | 'device' | 'dps'>> = {
  SecurityModule: 'module',
  Module: 'module',
  Device: 'device',
  DPS: 'dps',
};

const methods: Readonly<Record<string, OldSecret['kind']>> = {
  SasToken: 'key',
  SymmetricKey: 'key',
  SelfSignedCertificate: 'certificate',
};

/**
 * @param names how the keys are called in the file
 * @throws ImportError
 */
export function readAuthentication(
  file: GivenFile,
  names: Readonly<Record<keyof Authentication, string>>,
  said: Authentication,
): OldIdentity {
  const need = (key: keyof Authentication): string => {
    if (said[key].trim() !== '') return said[key].trim();
    throw new ImportError(
      `${file.path} has no ${names[key]}, without which the old agent did not run either; name the file that it runs with`,
    );
  };
  const choose = <T>(key: 'identity' | 'method', table: Readonly<Record<string, T>>): T => {
    const written = need(key);
    const chosen = Object.hasOwn(table, written) ? table[written] : undefined;
    if (chosen !== undefined) return chosen;
    throw new ImportError(
      `${names[key]} in ${file.path} is "${printable(written, 40)}", but must be ${Object.keys(table).join(', ')}`,
    );
  };
  const mode = choose('identity', modes);
  const kind = choose('method', methods);
  const filePath = need('filePath');
  const path = isAbsolute(filePath) ? filePath : join(file.directory, filePath);
  const secret = kind === 'key' ? { kind, path } : { kind: 'certificate' as const, path };
  const moduleId = said.moduleId.trim();
  const settings = {
    'identity.mode': mode,
    ...(mode === 'dps'
      ? {
          'identity.dps.idScope': need('idScope'),
          'identity.dps.registrationId': need('registrationId'),
        }
      : { 'identity.hostName': need('hostName'), 'identity.deviceId': need('deviceId') }),
    ...(moduleId === '' ? {} : { 'identity.moduleId': moduleId }),
  };
  return { settings, secret };
}
