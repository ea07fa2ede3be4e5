SELECT deviceId, properties.reported.securityPosture.agent.problems AS problems
FROM devices.modules
WHERE moduleId = 'azureiotsecurity'
  AND properties.reported.securityPosture.agent.health = 'degraded'
