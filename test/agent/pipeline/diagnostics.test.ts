import { beforeEach, describe, expect, it } from 'vitest';
import { Diagnostics } from '../../../agent/pipeline/diagnostics.js';
import { createRedactor } from '../../../agent/pipeline/redaction/redactor.js';
import type { Payload } from '../../../contract/events.js';
import { checkPayload } from '../../../contract/payload-check.js';
import { FakeClock } from '../../support/fake-clock.js';

const hourMs = 3_600_000;
let clock: FakeClock;
let told: Payload<'Diagnostic'>[];
let diagnostics: Diagnostics;

beforeEach(() => {
  clock = new FakeClock();
  told = [];
  diagnostics = new Diagnostics({
    clock,
    pipeline: { tell: (_, payload) => void told.push(payload as Payload<'Diagnostic'>) },
    redactor: createRedactor([]),
  });
});

const messages = () => told.map(({ Message }) => Message);

describe('what the agent says of itself', () => {
  it('is told at once when it is new, valid, and by whom', () => {
    diagnostics.tell('Warning', 'The clock was set.');
    diagnostics.tell('Error', 'The cache cannot be read.');
    expect(told.map((payload) => checkPayload('Diagnostic', payload))).toEqual([
      undefined,
      undefined,
    ]);
    expect(told[0]).toEqual({
      Severity: 'Warning',
      Message: 'The clock was set.',
      ProcessId: process.pid,
      ThreadId: process.pid,
      CorrelationId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
    expect(told[1]?.CorrelationId).toBe(told[0]?.CorrelationId);
  });

  it('is told once in an hour however often it comes, and at its end how often and when', async () => {
    diagnostics.tell('Warning', 'Somebody switched audit off.');
    await clock.advance(1_000);
    const first = new Date(clock.wallMs()).toISOString();
    for (let n = 0; n < 1_000; n++) {
      diagnostics.tell('Warning', 'Somebody switched audit off.');
      if (n < 999) await clock.advance(1_000);
    }
    const last = new Date(clock.wallMs()).toISOString();
    expect(told).toHaveLength(1);
    await clock.advance(hourMs);
    expect(told).toHaveLength(2);
    expect(told[1]?.ExtraDetails).toEqual({
      HitCount: '1000',
      FirstSeenUtc: first,
      LastSeenUtc: last,
    });
    await clock.advance(10 * hourMs);
    expect(told).toHaveLength(2);
    diagnostics.tell('Warning', 'Somebody switched audit off.');
    expect(told).toHaveLength(3);
  });

  it('is bounded: of a flood of different sentences twenty are told, and how many there were', async () => {
    for (let n = 0; n < 500; n++) diagnostics.tell('Error', `Number ${n} is wrong.`);
    expect(told).toHaveLength(20);
    await clock.advance(hourMs);
    expect(told).toHaveLength(21);
    expect(messages().at(-1)).toMatch(/^Within an hour 480 more sentences were not told/);
    diagnostics.tell('Error', 'Number 499 is wrong.');
    expect(told).toHaveLength(22);
  });

  it('holds no secret, forges no line, and is cut', () => {
    diagnostics.tell(
      'Error',
      'Connecting with SharedAccessKey=c2VjcmV0c2VjcmV0c2VjcmV0 failed.\nnext',
    );
    expect(messages()[0]).not.toContain('c2VjcmV0');
    expect(messages()[0]).not.toContain('\n');
    diagnostics.tell('Error', 'x'.repeat(10_000));
    expect(messages()[1]).toHaveLength(500);
  });

  it('is not forgotten at a stop', () => {
    diagnostics.tell('Error', 'one');
    diagnostics.tell('Error', 'one');
    diagnostics.stop();
    expect(told[1]?.ExtraDetails?.['HitCount']).toBe('1');
    diagnostics.stop();
    expect(told).toHaveLength(2);
  });
});
