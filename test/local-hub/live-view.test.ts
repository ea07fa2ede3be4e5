import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../config/json.js';
import { brief, messageLines, TwinLines } from '../../local-hub/live-view.js';
import type { ReceivedMessage } from '../../local-hub/received-message.js';

const at = new Date(2030, 0, 1, 12, 30, 59);

function received(
  events: readonly object[],
  change: Partial<ReceivedMessage> = {},
): ReceivedMessage {
  return {
    deviceId: 'device-1',
    body: '',
    json: { Events: events },
    properties: { MessagePriority: 'Low' },
    systemProperties: {},
    sizeBytes: 4097,
    receivedAt: at,
    problems: [],
    ...change,
  };
}

const event = (Name: string, ...Payload: object[]): object => ({
  Name,
  TimestampUTC: at.toISOString(),
  Payload,
});

describe('the live view', () => {
  it('shows each payload on a line, aggregates with their count and without a process id', () => {
    const processCreate = {
      CommandLine: 'id -u',
      Executable: '/usr/bin/id',
      UserId: '0',
      UserName: 'root',
      ProcessId: 0,
      ExtraDetails: { HitCount: '3' },
    };
    const ports = [
      { Protocol: 'tcp', LocalAddress: '127.0.0.1', LocalPort: '22' },
      { Protocol: 'udp6', LocalAddress: '::', LocalPort: '53', ExtraDetails: { Executable: '/d' } },
    ];
    const lines = messageLines(
      received([
        event('ProcessCreate', processCreate),
        event('ListeningPorts', ...ports),
        event('ListeningPorts'),
        event('Other', { Enabled: true, Name: 'x', ExtraDetails: { a: 'b' } }),
      ]),
    );
    expect(lines).toEqual([
      '12:30:59  ProcessCreate    id -u   (3 times, /usr/bin/id, user root)',
      '12:30:59  ListeningPorts   tcp 127.0.0.1:22',
      '12:30:59  ListeningPorts   udp6 [::]:53   (/d)',
      '12:30:59  ListeningPorts   (looked, and found nothing)',
      '12:30:59  Other            Enabled=true Name=x',
      '12:30:59    message        4 events, 4097 bytes = 2 × 4 KB, priority Low, valid',
    ]);
  });

  it('names what is invalid, whatever the body looks like', () => {
    const problems = ['Events/0 is \u001b[2J'];
    for (const json of [undefined, null, [], { Events: [null, 1, { Payload: 'x' }] }]) {
      const lines = messageLines(received([], { json, problems }));
      expect(lines.at(-1)).toMatch(/INVALID: Events\/0 is \\u\{1b\}\[2J$/);
    }
  });

  it('escapes what moves a cursor or turns a line, and cuts what is long', () => {
    expect(brief('a\r\n\u009b\u202eb')).toBe('a\\u{d}\\u{a}\\u{9b}\\u{202e}b');
    expect(brief('x'.repeat(500))).toBe(`${'x'.repeat(199)}…`);
  });

  it('tells the source, limitation, losses and rejected keys, each once until it changes', () => {
    const view = new TwinLines();
    const show = (agentStatus: JsonObject, version: number) =>
      view
        .of(
          { deviceId: 'd', moduleId: 'm', section: 'reported', version },
          { desired: {}, reported: { agentStatus } },
        )
        .map((text) => text.slice(10));
    const collector = { state: 'running', source: 'polling', limitation: 'no audit' };
    const status = { collectors: { ProcessCreate: collector }, rejected: { key: 'not a number' } };
    expect(show(status, 2)).toEqual([
      '  twin           reported is at version 2',
      '  collector      ProcessCreate running from polling. no audit',
      '  rejected       key: not a number',
    ]);
    expect(show(status, 3)).toEqual(['  twin           reported is at version 3']);
    const losing = { ...collector, losses: { kernelLost: 7 } };
    expect(show({ collectors: { ProcessCreate: losing } }, 4)[1]).toBe(
      '  collector      ProcessCreate running from polling; 7 × kernelLost. no audit',
    );
  });
});
