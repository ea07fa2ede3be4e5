SELECT deviceId, properties.reported.securityPosture.listeners AS listeners
FROM devices.modules
WHERE moduleId = 'azureiotsecurity'
  AND properties.reported.securityPosture.listeners.anyAddressTcp > 0
  AND properties.reported.securityPosture.firewall.state != 'on'
