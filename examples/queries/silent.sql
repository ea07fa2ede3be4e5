SELECT deviceId, properties.reported.agentStatus.lastSeen AS lastSeen
FROM devices.modules
WHERE moduleId = 'azureiotsecurity'
  AND properties.reported.agentStatus.lastSeen < '2026-11-28T10:00:00.000Z'
