SELECT deviceId, properties.reported.securityPosture.baseline.failed.Critical.ids AS failed
FROM devices.modules
WHERE moduleId = 'azureiotsecurity'
  AND properties.reported.securityPosture.baseline.failed.Critical.count > 0
