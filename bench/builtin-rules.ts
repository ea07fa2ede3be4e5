/**
 * What the built-in rules see of attacks and raise of ordinary work, by the command lines in bench/detection/, and what they
 * cost. The shares are of our own command lines: they show what a change of the rules does, not how good they are elsewhere.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Level, levels } from '../detection/language/document.js';
import { loadRuleReaders } from '../detection/language/read-rules.js';
import { Detector } from '../detection/rules/detector.js';
import { buildRuleSet } from '../detection/rules/rule-set.js';
import {
  attackSamples,
  benignSamples,
  eventOf,
  onBusyBox,
  type Sample,
  wrapped,
} from './detection/corpus.js';

const root = process.cwd();
const corpus = process.env['DETECTION_CORPUS'] ?? join(root, 'bench', 'detection');
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const spentMs = (): number => {
  const { system, user } = process.cpuUsage();
  return (system + user) / 1000;
};
const heapKb = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1024;
};
const rank = (level: Level | undefined): number =>
  level === undefined ? -1 : levels.indexOf(level);

const makeReader = await loadRuleReaders();
const heapBefore = heapKb();
const began = spentMs();
const read = makeReader();
const directory = join(root, 'dist', 'detection', 'builtin');
const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
const set = buildRuleSet(
  names
    .filter((name) => name.endsWith('.yml'))
    .sort()
    .map((name) =>
      read({ name, text: readFileSync(join(directory, name), 'utf8'), origin: 'builtin' }),
    ),
);
const readMs = spentMs() - began;
const detector = new Detector(set);
const madeMs = spentMs() - began - readMs;
const heapOfSet = heapKb() - heapBefore;

/** Highest level that the rules raise, and the rules of each level. */
function judged(sample: Sample): { readonly top: number; readonly hits: readonly string[] } {
  const { hits } = detector.judge(eventOf(sample));
  return {
    top: Math.max(-1, ...hits.map(({ level }) => rank(level))),
    hits: hits.map(({ level, rule }) => `${level ?? ''} ${rule.file.replace('.yml', '')}`),
  };
}

const percent = (part: number, all: number): string => `${((100 * part) / all).toFixed(1)} %`;

function tellAttacks(title: string, samples: readonly Sample[]): void {
  const tops = samples.map((sample) => judged(sample).top);
  const atLeast = (level: Level): string =>
    percent(tops.filter((top) => top >= rank(level)).length, tops.length);
  say(
    `${title}: ${samples.length} command lines, any ${atLeast('informational')}, medium or above ${atLeast('medium')}, high or above ${atLeast('high')}`,
  );
}

function tellBenign(title: string, samples: readonly Sample[]): void {
  const counts = new Map<string, { count: number; example: string }>();
  const byTop = levels.map(() => 0);
  let all = 0;
  for (const sample of samples) {
    const { hits, top } = judged(sample);
    all += sample.count;
    if (top >= 0) byTop[top] = (byTop[top] ?? 0) + sample.count;
    for (const hit of hits) {
      if (hit.startsWith('low')) continue;
      const { count = 0 } = counts.get(hit) ?? {};
      counts.set(hit, {
        count: count + sample.count,
        example: String(sample.fields['CommandLine']).slice(0, 100),
      });
    }
  }
  const rate = (level: Level): string => (((byTop[rank(level)] ?? 0) * 20_000) / all).toFixed(1);
  say(
    `${title}: ${all} started programs; of 20,000: high ${rate('high')}, medium ${rate('medium')}, low ${rate('low')}`,
  );
  for (const [hit, { count, example }] of [...counts].sort(([, a], [, b]) => b.count - a.count))
    say(`  ${count} × ${hit}: ${example.replaceAll('\n', '⏎')}`);
}

const attacks = attackSamples(corpus);
const benign = benignSamples(corpus);
say(
  `${set.rules.length} rules and ${set.correlations.length} correlations, read in ${readMs.toFixed(0)} ms, engine made in ${madeMs.toFixed(0)} ms; tables ${(detector.tableBytes / 1024).toFixed(0)} KB, heap ${heapOfSet.toFixed(0)} KB`,
);
for (const { file, reason } of set.refusals) say(`refused: ${file}: ${reason}`);
tellAttacks('attacks as typed', attacks);
tellAttacks('attacks on BusyBox', attacks.map(onBusyBox));
tellAttacks('attacks in sh -c', attacks.map(wrapped));
tellBenign('ordinary work', benign);
tellBenign('ordinary work on BusyBox', benign.map(onBusyBox));
say(`heap after that ${(heapKb() - heapBefore).toFixed(0)} KB`);

const techniques = new Map<string, { all: number; seen: number }>();
for (const sample of attacks) {
  const { all, seen } = techniques.get(sample.technique ?? '') ?? { all: 0, seen: 0 };
  const isSeen = judged(sample).top >= rank('medium');
  techniques.set(sample.technique ?? '', { all: all + 1, seen: seen + (isSeen ? 1 : 0) });
}
const blind = [...techniques].flatMap(([technique, { all, seen }]) =>
  seen * 3 >= all ? [] : [`${technique} ${seen}/${all}`],
);
say(`techniques of which less than a third is medium or above: ${blind.join(', ')}`);
if (process.argv.includes('--unseen'))
  for (const sample of attacks)
    if (judged(sample).top < rank('medium'))
      say(`  ${sample.technique ?? ''} ${String(sample.fields['CommandLine'])}`);

const events = benign.map(eventOf);
const perEvent: number[] = [];
for (let round = 0; round < 9; round++) {
  const start = spentMs();
  for (const event of events) detector.judge(event);
  perEvent.push((1000 * (spentMs() - start)) / events.length);
}
perEvent.sort((a, b) => a - b);
say(`${(perEvent[4] ?? NaN).toFixed(1)} µs an event`);
