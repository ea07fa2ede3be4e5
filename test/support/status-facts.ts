import type { StatusFacts } from '../../agent/status/document.js';

/** The facts of an agent that nothing is wrong with. */
export const soundFacts: StatusFacts = {
  agent: {
    version: '0.1.0',
    pid: 42,
    ready: true,
    startedUtc: '2026-01-02T03:04:05.000Z',
    uptimeSeconds: 90_061,
    residentBytes: 81_788_928,
    cpuSeconds: 360.5,
  },
  connection: { state: 'connected', seconds: 3_700, disconnectedSeconds: 0, toleratedSeconds: 300 },
  twin: { desiredVersion: 7, dialect: 'contract', problems: [] },
  disabledByOwner: [],
  collectors: {
    ListeningPorts: {
      state: 'running',
      source: 'snapshot',
      lastRunUtc: '2026-01-02T04:04:05.000Z',
      secondsSinceRun: 60,
      durationSeconds: 0.012,
      counters: {},
      losses: {},
    },
    Login: { state: 'off', counters: {}, losses: {} },
    ProcessCreate: {
      state: 'running',
      source: 'audit-owner',
      limitation: 'Short-lived processes are missed.',
      counters: { failedConnects: 3 },
      losses: { processGone: { total: 12, lastHour: 2 }, kernelLost: { total: 5, lastHour: 0 } },
    },
  },
  detection: {
    state: 'running',
    rules: 120,
    correlations: 3,
    refused: 0,
    refusals: [],
    sources: { builtin: 1, local: 0, twin: 0 },
    disabled: 0,
    suspended: [],
    alerts: 2,
    lastAlert: { title: 'A miner', utc: '2026-01-02T04:03:05.000Z', secondsAgo: 120 },
  },
  spool: {
    limitBytes: 2_560_000,
    diskBytes: 4_096,
    queues: {
      high: { events: 0, bytes: 0 },
      low: { events: 12, bytes: 4_200, oldestSeconds: 180 },
      operational: { events: 1, bytes: 300, oldestSeconds: 10 },
    },
  },
  history: { limitBytes: 4_194_304, diskBytes: 81_920, events: 120, oldestSeconds: 259_200 },
  delivery: { failedInARow: 0, waitingSeconds: 0 },
  today: { messages: 12, units: 14, unacknowledged: 0, unitsHandedOver: 14, lowDelays: 0 },
  losses: { low: { spoolFull: { total: 3, lastHour: 0 } } },
};
