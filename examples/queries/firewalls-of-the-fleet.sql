SELECT properties.reported.securityPosture.firewall.state AS firewall, COUNT() AS devices
FROM devices.modules
WHERE moduleId = 'azureiotsecurity'
GROUP BY properties.reported.securityPosture.firewall.state
