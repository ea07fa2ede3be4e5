import { defineConfig } from 'vitest/config';

/** They start the built agent, speak to the stand-in hub over TLS, or measure a day: they mostly wait. */
const slow = [
  'test/agent/*.test.ts',
  'test/agent/faults/**',
  'test/agent/**/wire.test.ts',
  'test/agent/commands/{command-line,output}.test.ts',
  'test/local-hub/{connection,demo,telemetry,twin}.test.ts',
  'test/bench/**',
  'test/project/add-a-collector.test.ts',
];
const virtualMachines = 'test/device/virtual-machine/**/*.test.ts';

/**
 * `unit` changes nothing on the host (npm test), and `fast` is the part of it that runs no whole agent (npm run
 * test:fast); `device` needs root and a real kernel, `vm` boots whole machines under emulation (both npm run
 * test:device).
 */
export default defineConfig({
  test: {
    globalSetup: ['test/support/build.ts'],
    projects: [
      {
        test: {
          name: 'unit',
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
