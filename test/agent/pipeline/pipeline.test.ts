import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { LossLedger } from '../../../agent/accounting/losses.js';
import { OwnProcesses } from '../../../agent/pipeline/own-processes.js';
import { Pipeline } from '../../../agent/pipeline/pipeline.js';
import { createRedactor } from '../../../agent/pipeline/redaction/redactor.js';
import { evaluateTwin } from '../../../config/evaluate-twin.js';
import type { Payload } from '../../../contract/events.js';
import { desired } from '../../support/running-agent.js';

let counted: Payload[];
let queued: { queue: string; name: string; payloads: readonly Payload[] }[];
let losses: LossLedger;

beforeEach(() => {
  counted = [];
  queued = [];
  losses = new LossLedger();
});

function pipeline(settings: Parameters<typeof desired>[0] = {}): Pipeline {
  const { settings: inForce } = evaluateTwin(desired(settings), undefined);
  const outbox = {
    add: (queue: string, name: string, payload: Payload) =>
      queued.push({ queue, name, payloads: [payload] }),
    addSnapshot: (queue: string, name: string, payloads: readonly Payload[]) => {
      queued.push({ queue, name, payloads });
      return Promise.resolve();
    },
  };
  return new Pipeline({
    own: new OwnProcesses(10, () => undefined),
    redactor: createRedactor([]),
    maxCommandLineBytes: 256,
    aggregates: { add: (_, payload) => void counted.push(payload) },
    outbox: outbox,
    losses,
    settings: { current: inForce },
  });
}

const observation = (argv: readonly string[], pid = 20) => ({
  timeMs: 1,
  argv,
  payload: {
    Executable: '/bin/x',
    ProcessId: pid,
    ParentProcessId: 1,
    UserId: '0',
    CommandLine: argv.join(' '),
  },
});

describe('the pipeline', () => {
  it('leaves out the agent itself and passes on everybody else', () => {
    const { observe } = bound(pipeline());
    observe('ProcessCreate', observation(['agent'], 10));
    observe('ProcessCreate', observation(['other']));
    expect(counted).toHaveLength(1);
  });

  it('masks before it cuts, so that no part of a secret stays at the end', () => {
    const { observe } = bound(pipeline());
    observe('ProcessCreate', observation(['x', 'a'.repeat(240), '--password', 'geheimnis']));
    expect(JSON.stringify(counted)).not.toContain('gehei');
  });

  it('cuts a long command line, tells its length and digest, and counts it', () => {
    const { observe } = bound(pipeline());
    const argv = ['x', 'ä'.repeat(1000)];
    observe('ProcessCreate', observation(argv));
    const [payload] = counted as Payload<'ProcessCreate'>[];
    expect(Buffer.byteLength(payload?.CommandLine ?? '')).toBe(256);
    expect(payload?.ExtraDetails).toEqual({
      CommandLineSizeBytes: '2002',
      CommandLineSha256: createHash('sha256').update(argv.join(' ')).digest('hex'),
    });
    expect(losses.of('ProcessCreate')).toEqual({ commandLineCut: 1 });
  });

  it('masks secrets in further command lines as well, before it cuts them', () => {
    const { observe } = bound(pipeline());
    const parent = ['sh', 'a'.repeat(1000), '--password', 'geheimnis', 'b'.repeat(1000)];
    for (const pid of [20, 21]) {
      observe('ProcessCreate', {
        ...observation(['x'], pid),
        detailArgv: { ParentCommandLine: parent },
      });
    }
    const told = counted.map((payload) => payload.ExtraDetails?.['ParentCommandLine']);
    const masked = `sh ${'a'.repeat(1000)} --password *** ${'b'.repeat(1000)}`;
    expect(told).toEqual(Array(2).fill(masked.slice(0, 1024)));
  });

  it('drops and counts a payload that the message schema would refuse', () => {
    const { observe } = bound(pipeline());
    const bad = observation(['x']);
    observe('ProcessCreate', { ...bad, payload: { ...bad.payload, ProcessId: 1.5 } });
    expect(counted).toEqual([]);
    expect(losses.of('ProcessCreate')).toEqual({ invalidEvent: 1 });
  });

  it('queues by the priority of the event name, and nothing that is Off', () => {
    const high = bound(
      pipeline({ aggregationEnabledProcessCreate: false, eventPriorityProcessCreate: 'High' }),
    );
    high.observe('ProcessCreate', observation(['x']));
    const off = bound(
      pipeline({ aggregationEnabledProcessCreate: false, eventPriorityProcessCreate: 'Off' }),
    );
    off.observe('ProcessCreate', observation(['x']));
    bound(pipeline({ eventPriorityProcessCreate: 'Off' })).observe(
      'ProcessCreate',
      observation(['x']),
    );
    bound(pipeline({ eventPriorityListeningPorts: 'Off' })).snapshot('ListeningPorts', [], 1);
    bound(pipeline()).snapshot('ListeningPorts', [], 1);
    expect(queued.map(({ queue, name }) => `${queue} ${name}`)).toEqual([
      'high ProcessCreate',
      'high ListeningPorts',
    ]);
    expect(counted).toEqual([]);
  });

  it('sends no snapshot of which nothing is valid: an empty one would say that there is nothing', () => {
    const wrong = [{ Protocol: 'sctp', LocalPort: '1' }] as unknown as Payload[];
    pipeline().snapshot('ListeningPorts', wrong, 1);
    expect(queued).toEqual([]);
    expect(losses.of('ListeningPorts')).toEqual({ invalidEvent: 1 });
  });

  it('sends operational events unless eventPriorityOperational, or their own priority, is Off', () => {
    const error = {
      ConfigurationName: 'a',
      ErrorType: 'Conflict',
      UsedConfiguration: 'b',
      Message: 'c',
    } as const;
    bound(pipeline()).tell('ConfigurationError', error, 1);
    bound(pipeline({ eventPriorityOperational: 'Off' })).tell('ConfigurationError', error, 1);
    const own = { eventPriorityOperational: 'Off', eventPriorityConfigurationError: 'Low' };
    bound(pipeline(own)).tell('ConfigurationError', error, 1);
    expect(queued.map(({ queue }) => queue)).toEqual(['operational', 'operational']);
  });
});

function bound(target: Pipeline): Pick<Pipeline, 'observe' | 'snapshot' | 'tell'> {
  return {
    observe: (...parameters) => target.observe(...parameters),
    snapshot: (...parameters) => target.snapshot(...parameters),
    tell: (...parameters) => target.tell(...parameters),
  };
}
