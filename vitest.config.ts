import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** Whatever names one of these starts the built agent, or speaks to the stand-in hub over TLS. */
const startsPrograms =
  /\b(?:agentBundle|runCommandLine|new Fixture|withBench|new Bench|startHub|serveHub)\b/u;

const found = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((name) => `test/${name}`)
  .filter((path) => path.endsWith('.test.ts') && !path.startsWith('test/device/'))
  .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
const starting = found.filter(({ text }) => startsPrograms.test(text)).map(({ path }) => path);
/** What puts something else in the place of a module, which another file of the same process may have loaded before. */
const replacing = found.filter(({ text }) => text.includes('vi.mock(')).map(({ path }) => path);

/** What the fast part leaves out: besides those, what looks at much: a megabyte at once, a day, random input. */
const slow = [
  ...starting,
  'test/agent/spool/spool-kill.test.ts',
  'test/agent/pipeline/redaction/linear-time.test.ts',
  'test/{bench,fuzz}/**/*.test.ts',
  'test/{local-hub/demo,project/add-a-collector}.test.ts',
];
/** Temporary files that nobody takes away fail the run. */
const temporaryFiles = 'test/support/temporary-files.ts';
/** The built agent, for the tests that start it. */
const globalSetup = [temporaryFiles, 'test/support/build.ts'];
/** The tests of the running agent mostly wait. */
const withAgents = {
  exclude: ['test/device/**'],
  maxWorkers: 3,
  maxConcurrency: 3,
  testTimeout: 60_000,
};
const virtualMachines = 'test/device/virtual-machine/**/*.test.ts';

/**
 * What changes nothing on the host (npm test) is in three parts: `fast` runs no whole agent, in few processes that load
 * the sources once for all their files, so that a file may leave nothing behind for the next; `fast-alone` has a process
 * for each file, as `whole` does, where the agent and the hub run (npm run test:fast leaves that out). `unit` takes any
 * of their files alone. `device` needs root and a real kernel, `vm` boots whole machines under emulation (both npm run
 * test:device).
 */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', globalSetup, include: ['test/**/*.test.ts'], ...withAgents } },
      { test: { name: 'whole', globalSetup, include: slow, ...withAgents } },
      {
        test: {
          name: 'fast',
          globalSetup: temporaryFiles,
          include: ['test/**/*.test.ts'],
          exclude: ['test/device/**', ...slow, ...replacing],
          isolate: false,
          maxWorkers: 3,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'fast-alone',
          globalSetup: temporaryFiles,
          include: replacing,
          exclude: slow,
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
