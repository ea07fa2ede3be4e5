import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRuleReaders } from '../language/read-rules.js';
import { loadYamlReader } from '../language/yaml.js';
import { textMember, textsMember } from '../language/yaml-node.js';
import { builtinPage } from './builtin-page.js';
import { buildRuleSet } from './rule-set.js';

const readYaml = await loadYamlReader();
const newReader = await loadRuleReaders();

/** What is derived from the built-in rules and kept in the repository: text by path from the root of the project. */
export function generatedFiles(): Readonly<Record<string, string>> {
  const directory = join('detection', 'builtin');
  const sources = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .map((name) => ({
      name,
      origin: 'builtin' as const,
      text: readFileSync(join(directory, name), 'utf8'),
    }));
  const read = newReader();
  const falsePositives = new Map<string, readonly string[]>();
  for (const { text } of sources)
    for (const node of readYaml(text))
      if (node.kind === 'map')
        falsePositives.set(
          textMember(node, 'id', 64) ?? '',
          textsMember(node, 'falsepositives', 16),
        );
  return {
    'docs/detections.generated.md': builtinPage(
      buildRuleSet(sources.map((source) => read(source))),
      falsePositives,
    ),
  };
}
