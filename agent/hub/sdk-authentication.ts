import device from 'azure-iot-device';
import type { CertificateProof, ModuleCredentials } from '../identity/credentials/credentials.js';

/** There is no token with a certificate, and so none to renew. */
export function certificateProvider(
  { hostName, gatewayHostName, deviceId, moduleId }: ModuleCredentials,
  { certificatePem, privateKeyPem }: CertificateProof,
): device.X509AuthenticationProvider {
  // Its public factory knows no modules.
  const Provider = device.X509AuthenticationProvider as unknown as new (
    credentials: object,
  ) => device.X509AuthenticationProvider;
  return new Provider({
    host: hostName,
    deviceId,
    moduleId,
    ...(gatewayHostName === undefined ? {} : { gatewayHostName }),
    x509: { cert: certificatePem, key: privateKeyPem },
  });
}

/** A secret. */
export function connectionString(credentials: ModuleCredentials, sharedAccessKey: string): string {
  const { hostName, gatewayHostName, deviceId, moduleId } = credentials;
  const gateway = gatewayHostName === undefined ? '' : `;GatewayHostName=${gatewayHostName}`;
  return `HostName=${hostName};DeviceId=${deviceId};ModuleId=${moduleId};SharedAccessKey=${sharedAccessKey}${gateway}`;
}
