import { defineConfig } from 'vitest/config';

/** They start programs, speak to the stand-in hub over TLS, or look at much: a megabyte at once, a day, random input. */
const slow = [
  'test/agent/*.test.ts',
  'test/agent/faults/**',
  'test/agent/**/wire.test.ts',
  'test/agent/commands/{command-line,output}.test.ts',
  'test/agent/{enroll/command,time/hub-time,spool/spool-kill}.test.ts',
  'test/agent/pipeline/redaction/linear-time.test.ts',
  'test/local-hub/{cli,connection,demo,telemetry,twin,hub/faults}.test.ts',
  'test/{bench,fuzz}/**',
  'test/project/add-a-collector.test.ts',
];
/** The built agent, for the tests that start it. */
const globalSetup = ['test/support/build.ts'];
const virtualMachines = 'test/device/virtual-machine/**/*.test.ts';

/**
 * `unit` changes nothing on the host (npm test), and `fast` is the part of it that runs no whole agent (npm run
 * test:fast); `device` needs root and a real kernel, `vm` boots whole machines under emulation (both npm run
 * test:device).
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          globalSetup,
          include: ['test/**/*.test.ts'],
          exclude: ['test/device/**'],
          // The tests of the running agent mostly wait.
          maxWorkers: 3,
          maxConcurrency: 3,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/device/**', ...slow],
          maxWorkers: 3,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'device',
          globalSetup,
          include: ['test/device/**/*.test.ts'],
          exclude: [virtualMachines],
          testTimeout: 120_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'vm',
          globalSetup,
          include: [virtualMachines],
          // Each takes a little more than one processor.
          maxWorkers: 2,
          // Never beside the others, which measure the real kernel and shall not starve.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
