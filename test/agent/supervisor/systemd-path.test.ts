import { expect, test } from 'vitest';
import { unitPath } from '../../../agent/supervisor/systemd-path.js';

test.each([
  ['/var/lib/node_exporter', '/var/lib/node_exporter'],
  ['/srv/100%', '/srv/100%%'],
  ['/srv/my metrics', '"/srv/my metrics"'],
  ['/srv/a "b"\\c', '"/srv/a \\"b\\"\\\\c"'],
])('the path %s stands in a unit as %s', (path, written) => {
  expect(unitPath(path)).toBe(written);
});
