import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Header } from '../../detection/language/document.js';
import { loadRuleReaders } from '../../detection/language/read-rules.js';
import { memberOf } from '../../detection/language/yaml-node.js';
import { Detector } from '../../detection/rules/detector.js';
import { runExamples } from '../../detection/rules/examples.js';
import { readRuleDirectory } from '../../detection/rules/read-directory.js';
import { buildRuleSet } from '../../detection/rules/rule-set.js';
import { startOf } from '../support/sigma.js';

const directory = join(import.meta.dirname, '../../detection/builtin');
/** Each expression is tried. */
const set = await readRuleDirectory(directory);
/** As the agent reads them, which has them tried already. */
const read = (await loadRuleReaders())();
const asOnDevice = buildRuleSet(
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yml'))
    .map((name) =>
      read({ name, text: readFileSync(join(directory, name), 'utf8'), origin: 'builtin' }),
    ),
);
/** All that may raise an alert. */
const alerting: readonly Header[] = [
  ...set.rules.filter(({ isSilent }) => !isSilent),
  ...set.correlations.filter(({ isSilent }) => !isSilent).map(({ correlation }) => correlation),
];

describe('the built-in rules', () => {
  it('are each told in docs/detections.generated.md (else run: npm run generate)', () => {
    const page = readFileSync(join(directory, '../../docs/detections.generated.md'), 'utf8');
    expect(alerting.filter(({ id }) => !page.includes(id)).map(({ file }) => file)).toEqual([]);
    expect(page.match(/^### /gm)).toHaveLength(alerting.length);
  });

  it('are all in use, and ask for nothing that our events do not have', () => {
    expect(set.refusals).toEqual([]);
    expect(set.notes).toEqual([]);
    expect(set.rules.filter(({ needs }) => needs.length > 0).map(({ file }) => file)).toEqual([]);
  });

  it('are true of their examples, and of none that they shall pass', () => {
    const faults = runExamples(asOnDevice).filter(({ fault }) => fault !== undefined);
    expect(faults.map(({ fault, file, line }) => `${file}:${line} ${fault ?? ''}`)).toEqual([]);
  });

  it('have what a person needs who gets their alerts', () => {
    const incomplete = alerting.filter(
      ({ alertType, description, examples, id, level, tags }) =>
        !/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id) ||
        !/^IoT_[A-Za-z]+$/.test(alertType ?? '') ||
        (description ?? '').length < 40 ||
        level === undefined ||
        !tags.some((tag) => /^attack\.t\d{4}(?:\.\d{3})?$/.test(tag)) ||
        !tags.some((tag) => /^attack\.[a-z]+(?:-[a-z]+)*$/.test(tag)) ||
        examples === undefined ||
        memberOf(examples, 'matches') === undefined ||
        memberOf(examples, 'passes') === undefined,
    );
    expect(incomplete.map(({ file }) => file)).toEqual([]);
  });

  it('see the self-test of the retired service as High', () => {
    const CommandLine = 'sh -c echo cpuminer-multi';
    const { hits } = new Detector(asOnDevice).judge(
      startOf({ Image: ['/usr/bin/dash', '/bin/sh'], CommandLine }),
    );
    expect(hits.map(({ level, rule }) => [level, rule.alertType])).toContainEqual([
      'high',
      'IoT_CryptoMiner',
    ]);
  });
});
