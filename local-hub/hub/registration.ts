import type { Identity } from './identities.js';

/** What a device, or one of its modules, needs to connect as itself. */
export interface DeviceRegistration {
  readonly deviceId: string;
  readonly hubName: string;
  /** `localhost:<port>`. */
  readonly gatewayHostName: string;
  /** Base64; of use only to whoever is registered with keys. */
  readonly primaryKey: string;
  readonly secondaryKey: string;
  /** With `x509=true` in place of a key for whoever is registered with a certificate. */
  readonly connectionString: string;
}

export interface ModuleRegistration extends DeviceRegistration {
  readonly moduleId: string;
}

export function registrationOf(
  { deviceId, moduleId, authentication, primaryKey, secondaryKey }: Identity,
  hubName: string,
  port: number,
): DeviceRegistration {
  const gatewayHostName = `localhost:${port}`;
  const fields = [
    `HostName=${hubName}`,
    `DeviceId=${deviceId}`,
    ...(moduleId === undefined ? [] : [`ModuleId=${moduleId}`]),
    authentication.type === 'sas' ? `SharedAccessKey=${primaryKey}` : 'x509=true',
    `GatewayHostName=${gatewayHostName}`,
  ];
  const connectionString = fields.join(';');
  return { deviceId, hubName, gatewayHostName, primaryKey, secondaryKey, connectionString };
}
