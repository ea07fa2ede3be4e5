/**
 * What judging an event by 500 rules costs, with the witness index and without it, measured in turns in one run: the ratio can
 * be compared between days and machines. Also how large the tables are, and how long the rules take to read.
 */
import { RuleEngine } from '../detection/engine/rule-engine.js';
import type { SigmaEvent } from '../detection/engine/event-view.js';
import { covers } from '../detection/language/document.js';
import { loadRuleReaders } from '../detection/language/read-rules.js';
import { buildRuleSet } from '../detection/rules/rule-set.js';

const ruleCount = 500;
const rounds = 9;
const perRound = 20_000;
const perPlainRound = 400;

let seed = 1;
const random = (below: number): number => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return (seed >>> 8) % below;
};
const syllables = ['ba', 'ker', 'lo', 'mi', 'nu', 'per', 'qua', 'ru', 'sys', 'ti', 'vex', 'zo'];
const name = (): string =>
  Array.from({ length: 2 + random(3) }, () => syllables[random(syllables.length)]).join('');
const list = (count: number, of: () => string): string =>
  `[${Array.from({ length: count }, () => `'${of()}'`).join(', ')}]`;

/** In the proportions of public rules: most name an image and parts of the command line, a few have an expression. */
function rule(number: number): string {
  const parts = [
    `    image: {Image|endswith: ${list(1 + random(4), () => `/${name()}`)}}`,
    `    line: {CommandLine|contains: ${list(2 + random(10), () => ` ${name()}`)}}`,
    `    both: {CommandLine|contains|all: ${list(2, () => `-${name()}`)}}`,
    random(8) === 0
      ? `    other: {CommandLine|re: '(?:^|\\s)${name()}\\s+-[a-z]{1,3}${name()}'}`
      : `    other: {ParentImage|endswith: ${list(2, () => `/${name()}`)}}`,
  ];
  const conditions = ['image and line', 'image or other', 'line and not both', '1 of *'];
  return `title: Rule ${number}
id: rule-${number}
level: medium
logsource: {category: process_creation, product: linux}
detection:
${parts.map((line) => line.slice(2)).join('\n')}
  condition: ${conditions[random(10) === 0 ? 3 : random(3)] ?? 'image'}
`;
}

function event(): SigmaEvent {
  const words = Array.from({ length: 2 + random(12) }, () =>
    random(3) === 0 ? `/usr/lib/${name()}/${name()}.so` : `--${name()}=${random(10_000)}`,
  );
  return {
    logsource: { category: 'process_creation', product: 'linux' },
    fields: {
      Image: [`/usr/bin/${name()}`, `/bin/${name()}`],
      CommandLine: `${name()} ${words.join(' ')}`,
      ParentImage: ['/usr/bin/bash'],
      ParentCommandLine: `/bin/bash -c ${words.slice(0, 3).join(' ')}`,
      User: 'root',
      LogonId: '0',
      CurrentDirectory: '/var/lib/app',
      ProcessId: random(30_000),
      ParentProcessId: random(30_000),
    },
    timeMs: 0,
  };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
/** Of the processor, so that what else runs on the machine does not count. */
const spentUs = (): number => {
  const { system, user } = process.cpuUsage();
  return system + user;
};
/** KB that are in use; the program runs with --expose-gc. */
const heapKb = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1024;
};
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const read = (await loadRuleReaders())();
const files = Array.from({ length: 10 }, (_, file) => ({
  name: `${file}.yml`,
  text: Array.from({ length: ruleCount / 10 }, (_one, at) => rule(file * 100 + at)).join('---\n'),
}));
const heapBefore = heapKb();
const reading = spentUs();
const set = buildRuleSet(files.map((file) => read(file)));
const readMs = (spentUs() - reading) / 1000;
for (const { file, reason } of set.refusals) throw new Error(`${file}: ${reason}`);
const heapOfSet = heapKb() - heapBefore;
const making = spentUs();
const engine = new RuleEngine(set.rules);
const madeMs = (spentUs() - making) / 1000;
const heapGrown = heapKb() - heapBefore;
const events = Array.from({ length: 2_000 }, event);

const indexed: number[] = [];
const plain: number[] = [];
let hits = 0;
for (let round = 0; round <= rounds; round++) {
  let began = spentUs();
  for (let at = 0; at < perRound; at++) {
    const one = events[at % events.length];
    if (one !== undefined) hits += engine.judge(one).hits.length;
  }
  const indexedUs = (spentUs() - began) / perRound;
  began = spentUs();
  for (let at = 0; at < perPlainRound; at++) {
    const one = events[at % events.length];
    if (one !== undefined) engine.judgeAll(one, (of) => covers(of.logsource, one.logsource));
  }
  const plainUs = (spentUs() - began) / perPlainRound;
  // The first warms up.
  if (round === 0) continue;
  indexed.push(indexedUs);
  plain.push(plainUs);
}
say(
  `${set.rules.length} rules read in ${readMs.toFixed(0)} ms, index made in ${madeMs.toFixed(0)} ms`,
);
say(
  `tables ${(engine.tableBytes / 1024).toFixed(0)} KB, ${engine.withoutWitness} rules without a witness`,
);
say(`heap: rules ${heapOfSet.toFixed(0)} KB, with the engine ${heapGrown.toFixed(0)} KB`);
say(`${(hits / ((rounds + 1) * perRound)).toFixed(3)} hits an event`);
say(`${median(indexed).toFixed(1)} µs an event, ${median(plain).toFixed(1)} µs without the index`);
say(`${(median(plain) / median(indexed)).toFixed(1)} times as fast`);
