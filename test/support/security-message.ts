interface Changes {
  readonly message?: object;
  readonly event?: object;
  readonly payload?: object;
}

/** A valid security message of one event, with the changes a test wants. */
export function processCreateMessage({ message, event, payload }: Changes = {}): object {
  return {
    AgentVersion: '0.1.0',
    AgentId: '9c647395-b913-4997-a732-a7fe7303b649',
    MessageSchemaVersion: '1.0',
    Events: [
      {
        Id: '4a6b4a43-3c35-4cd6-8f5d-5c1f9b1ae0a1',
        TimestampLocal: '2030-01-01T01:00:00.000+01:00',
        TimestampUTC: '2030-01-01T00:00:00.000Z',
        Category: 'Triggered',
        Name: 'ProcessCreate',
        EventType: 'Security',
        IsEmpty: false,
        PayloadSchemaVersion: '1.0',
        Payload: [
          {
            Executable: '/usr/bin/id',
            ProcessId: 17,
            ParentProcessId: 1,
            UserId: '0',
            UserName: 'root',
            CommandLine: 'id -u',
            ExtraDetails: { HitCount: '1' },
            ...payload,
          },
        ],
        ...event,
      },
    ],
    ...message,
  };
}
