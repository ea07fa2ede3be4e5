SELECT deviceId, properties.reported.securityPosture.updates AS updates
FROM devices.modules
WHERE moduleId = 'azureiotsecurity'
  AND properties.reported.securityPosture.updates.security > 0
