import { defineConfig } from 'vitest/config';

/** Whole machines under emulation take a quarter of an hour and more. */
const virtualMachines = 'test/device/virtual-machine.test.ts';

/** `unit` changes nothing on the host; `device` needs root and a real kernel (npm run test:device), `vm` boots others (test:vm). */
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
          fileParallelism: false,
        },
      },
    ],
  },
});
