// The options of an entry script: told by --help, and refused with the usage, before anything takes time.
import { parseArgs } from 'node:util';

/** The values by name; ends this process where the options were only asked for, or are wrong. */
export function readOptions(usage, options, args = process.argv.slice(2)) {
  try {
    const { values } = parseArgs({
      args,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
    });
    if (!values.help) return values;
    process.stdout.write(usage);
    return process.exit(0);
  } catch (error) {
    process.stderr.write(`${error.message}\n${usage}`);
    return process.exit(1);
  }
}
