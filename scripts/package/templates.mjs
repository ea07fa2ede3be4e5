// The files under systemd/debian/, with their @NAMES@ filled in.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../bootstrap.mjs';

export function template(name, values = {}) {
  const text = readFileSync(join(root, 'systemd', 'debian', name), 'utf8');
  return text.replace(/@([A-Z_]+)@/g, (_, key) => {
    if (values[key] === undefined)
      throw new Error(`systemd/debian/${name}: nothing fills @${key}@.`);
    return values[key];
  });
}

/** The licence as the format of Debian's copyright files wants it: indented, a dot for each empty line. */
export function licenseParagraph(text) {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (line.trim() === '' ? ' .' : ` ${line.trimEnd()}`))
    .join('\n');
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** As `date -R` prints it, in UTC. */
export function rfc2822(epochSeconds) {
  const date = new Date(epochSeconds * 1000);
  const [day, month] = [String(date.getUTCDate()).padStart(2, '0'), months[date.getUTCMonth()]];
  return `${days[date.getUTCDay()]}, ${day} ${month} ${date.getUTCFullYear()} ${date.toISOString().slice(11, 19)} +0000`;
}

/** Debian wants a changelog in each package; what changed is in the history of the project. */
export function changelog(debianPackage, summary) {
  return template('changelog', {
    NAME: debianPackage.name,
    VERSION: debianPackage.version,
    SUMMARY: summary,
    DATE: rfc2822(debianPackage.epochSeconds),
  });
}
