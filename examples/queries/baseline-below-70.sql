SELECT deviceId, properties.reported.securityPosture.baseline AS baseline
FROM devices.modules
WHERE moduleId = 'azureiotsecurity'
  AND properties.reported.securityPosture.baseline.scorePercent < 70
