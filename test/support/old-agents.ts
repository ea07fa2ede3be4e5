/** Files as the old agents' installers leave them, with what a test changes in them. */

export const agentId = 'b97faf0a-0f57-471f-9dab-46a8e1764946';

/** `LocalConfiguration.json` of the C agent. */
export function cConfiguration(
  authentication: Readonly<Record<string, unknown>> = {},
  rest: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    Configuration: {
      AgentId: agentId,
      TriggerdEventsInterval: 'PT2M',
      ConnectionTimeout: 'PT30S',
      RemoteConfigurationObjectName: 'ms_iotn:urn_azureiot_Security_SecurityAgentConfiguration',
      Authentication: {
        Identity: 'SecurityModule',
        AuthenticationMethod: 'SasToken',
        FilePath: 'module.key',
        DeviceId: 'device-1',
        HostName: 'hub.example',
        DPS: { IDScope: '', RegistrationId: '' },
        ...authentication,
      },
      Logging: { SystemLoggerMinimumSeverity: 1, DiagnoticEventMinimumSeverity: 2 },
      ...rest,
    },
  });
}

function list(root: string, values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).map(
    ([key, value]) => `  <add key="${key}" value="${value}"/>`,
  );
  return `<?xml version="1.0" encoding="utf-8"?>\n<${root}>\n${lines.join('\n')}\n</${root}>\n`;
}

/** `General.config` of the C# agent. */
export const csGeneral = (values: Readonly<Record<string, string>> = {}): string =>
  list('General', {
    agentId,
    readRemoteConfigurationTimeout: '00:00:30',
    schedulerInterval: '00:00:01',
    producerInterval: '00:02:00',
    consumerInterval: '00:02:00',
    highPriorityQueueSizePercentage: '0.5',
    logLevel: 'Information',
    fileLogLevel: 'Off',
    diagnosticVerbosityLevel: 'Some',
    logFilePath: 'IotAgentLog.log',
    defaultEventPriority: 'Low',
    ...values,
  });

/** `Authentication.config` of the C# agent. */
export const csAuthentication = (values: Readonly<Record<string, string>> = {}): string =>
  list('Authentication', {
    moduleName: 'azureiotsecurity',
    deviceId: 'device-1',
    gatewayHostname: 'hub.example',
    filePath: 'module.key',
    type: 'SymmetricKey',
    identity: 'Module',
    certificateLocationKind: '',
    idScope: '',
    registrationId: '',
    ...values,
  });

/** `SecurityIotInterface.config` of the C# agent. */
export const csInterface = (values: Readonly<Record<string, string>> = {}): string =>
  list('ExternalInterface', {
    facadeType:
      'Microsoft.Azure.Security.IoT.Agent.Common.SecurityIoTHubInterface, Security.Common',
    transportType: 'Amqp',
    ...values,
  });

export const microModuleId = 'DefenderIotMicroAgent';
