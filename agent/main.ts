import { CommandError, exitCodes } from '../base/exit-codes.js';
import { printable } from '../base/text.js';
import { version } from '../base/version.js';
import { runCommandLine } from './cli.js';
import { guardOutput } from './commands/output.js';
import { commands } from './commands/registry.js';

// One thread of the pool is parked in poll(2) for the kernel's sockets; Node has four by default, and reads the
// variable when the first one is needed.
process.env['UV_THREADPOOL_SIZE'] ??= '5';

const output = guardOutput(process.stdout);
// A complaint that nobody hears is no reason to end otherwise than without one.
guardOutput(process.stderr);

/** Ends explicitly: a connection that is still closing must not keep the process alive. */
function end(exitCode: number): void {
  process.stdout.write('', () => setImmediate(exit, exitCode));
}

function exit(exitCode: number): void {
  const failure = output.failure();
  if (failure === undefined) process.exit(exitCode);
  process.stderr.write(`iot-security-agent: ${failure}\n`);
  process.exit(exitCode === exitCodes.stopped ? exitCodes.crashed : exitCode);
}

// What Node would have the packages of the hub's SDK write otherwise is nothing that an operator can mend.
process.noDeprecation = true;

runCommandLine(commands, process.argv.slice(2), version).then(end, (error: unknown) => {
  if (error instanceof CommandError) {
    const lines = error.message.split('\n').map((line) => printable(line));
    process.stderr.write(`iot-security-agent: ${lines.join('\n')}\n`);
    end(error.exitCode);
  } else {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`iot-security-agent: a defect of the agent: ${text}\n`);
    end(exitCodes.crashed);
  }
});
