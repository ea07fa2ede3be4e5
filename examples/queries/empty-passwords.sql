SELECT deviceId
FROM devices.modules
WHERE moduleId = 'azureiotsecurity'
  AND properties.reported.securityPosture.users.shellAndEmptyPassword > 0
