import type { Identity } from './identities.js';

/** What a device needs to connect as this module. */
export interface ModuleRegistration {
  readonly deviceId: string;
  readonly moduleId: string;
  readonly hubName: string;
  /** `localhost:<port>`. */
  readonly gatewayHostName: string;
  /** Base64. */
  readonly primaryKey: string;
  readonly secondaryKey: string;
  readonly connectionString: string;
}

export function registrationOf(
  { deviceId, primaryKey, secondaryKey }: Identity,
  moduleId: string,
  hubName: string,
  port: number,
): ModuleRegistration {
  const gatewayHostName = `localhost:${port}`;
  const connectionString =
    `HostName=${hubName};DeviceId=${deviceId};ModuleId=${moduleId};` +
    `SharedAccessKey=${primaryKey};GatewayHostName=${gatewayHostName}`;
  return {
    deviceId,
    moduleId,
    hubName,
    gatewayHostName,
    primaryKey,
    secondaryKey,
    connectionString,
  };
}
