// Stands in for the agent in the tests of the demo: connects as the module, says that it is ready, sends, and sends
// a last message when it is asked to stop. FAKE_AGENT names a way to fail.
import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'mqtt';

const failure = process.env['FAKE_AGENT'] ?? '';
const config = JSON.parse(readFileSync(process.argv[process.argv.indexOf('--config') + 1], 'utf8'));
const { hostName, deviceId, moduleId, gatewayHostName, keyFile } = config.identity;
const resource = encodeURIComponent(`${hostName}/devices/${deviceId}/modules/${moduleId}`);
const expiry = Math.floor(Date.now() / 1000) + 600;
const signature = createHmac('sha256', Buffer.from(readFileSync(keyFile, 'utf8'), 'base64'))
  .update(`${resource}\n${expiry}`)
  .digest('base64');
const [host, port] = gatewayHostName.split(':');
const topic = `devices/${deviceId}/modules/${moduleId}/messages/events/MessagePriority=High`;

function message(commandLine) {
  const payload = {
    Executable: '/usr/bin/true',
    ProcessId: 17,
    ParentProcessId: 1,
    UserId: '0',
    CommandLine: commandLine,
  };
  const event = {
    Id: '4a6b4a43-3c35-4cd6-8f5d-5c1f9b1ae0a1',
    TimestampLocal: new Date().toISOString(),
    TimestampUTC: new Date().toISOString(),
    Category: 'Triggered',
    Name: 'ProcessCreate',
    EventType: 'Security',
    IsEmpty: false,
    PayloadSchemaVersion: '1.0',
    Payload: [payload],
  };
  const AgentId = failure === 'invalid' ? 'x' : '9c647395-b913-4997-a732-a7fe7303b649';
  return JSON.stringify({
    AgentVersion: '0',
    AgentId,
    MessageSchemaVersion: '1.0',
    Events: [event],
  });
}

if (failure === 'exit') {
  console.error('cannot go on');
  process.exit(77);
}
const client = connect({
  host,
  port: Number(port),
  protocol: 'mqtts',
  ca: readFileSync(config.trustedCaFile),
  clientId: `${deviceId}/${moduleId}`,
  username: `${hostName}/${deviceId}/${moduleId}/?api-version=2021-04-12`,
  password: `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}`,
  clean: false,
});
client.once('connect', () => {
  const collectors = {
    ProcessCreate: { state: 'running', source: 'fake', limitation: 'sees nothing' },
  };
  const status = JSON.stringify({ agentStatus: { collectors } });
  client.publish('$iothub/twin/PATCH/properties/reported/?$rid=1', status);
  client.publish(topic, message('first \u001b[31m'), { qos: 1 }, () =>
    console.error('agent is ready'),
  );
});
process.on('SIGTERM', () => {
  client.publish(topic, message('last'), { qos: 1 }, () => {
    client.end(false, {}, () => process.exit(failure === 'crash' ? 1 : 0));
  });
});
