SELECT deviceId
FROM devices.modules
WHERE moduleId = 'azureiotsecurity'
  AND properties.reported.securityPosture.firewall.state = 'off'
