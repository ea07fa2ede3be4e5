import { expect, test } from 'vitest';
import { reportCrash } from '../../../agent/supervisor/crash-report.js';

test('a crash is told with the place in the agent, and its stack frame by frame', () => {
  const error = new TypeError('cannot read\nthat');
  error.stack = [
    'TypeError: cannot read\nthat',
    '    at Socket.emit (node:events:519:28)',
    '    at take (/usr/lib/agent.cjs:12:34)',
    '    at run (/usr/lib/agent.cjs:56:78)',
  ].join('\n');
  expect(reportCrash(error)).toEqual({
    headline: 'TypeError: cannot read\nthat at take (/usr/lib/agent.cjs:12:34)',
    frames: [
      'at Socket.emit (node:events:519:28)',
      'at take (/usr/lib/agent.cjs:12:34)',
      'at run (/usr/lib/agent.cjs:56:78)',
    ],
  });
});

test('where only Node is on the stack, that is told, and without a stack the error alone', () => {
  const error = new Error('read ECONNRESET');
  error.stack = 'Error: read ECONNRESET\n    at TCP.onRead (node:net:1:2)';
  expect(reportCrash(error).headline).toBe('Error: read ECONNRESET at TCP.onRead (node:net:1:2)');
  delete error.stack;
  expect(reportCrash(error)).toEqual({ headline: 'Error: read ECONNRESET', frames: [] });
});

test('of what is no error nothing is shown but text', () => {
  expect(reportCrash('out of luck').headline).toBe('out of luck');
  expect(reportCrash({ key: 'secret' }).headline).toBe('a value of type object was thrown');
});
