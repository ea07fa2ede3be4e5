import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where the rules are that the agent brings along: in a directory beside its bundle (`scripts/builtin-rules.mjs` puts
 * them there), and in a checkout where they are written.
 */
export function builtinRulesDirectory(moduleUrl: string = import.meta.url): string {
  const here = dirname(fileURLToPath(moduleUrl));
  const besideBundle = join(here, 'detection', 'builtin');
  return existsSync(besideBundle) ? besideBundle : join(here, '..', '..', 'detection', 'builtin');
}
