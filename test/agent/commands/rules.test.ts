import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { rulesCommand } from '../../../agent/commands/rules.js';
import { CommandError } from '../../../base/exit-codes.js';

const rules = `title: Miner
id: miner
level: high
logsource: {category: process_creation, product: linux}
detection:
  line: {CommandLine|contains: [stratum+tcp, cpuminer-multi]}
  condition: line
examples:
  matches: [{CommandLine: sh -c "echo cpuminer-multi"}]
  passes: [{CommandLine: miner}]
---
title: Failure
id: failure
logsource: {category: login}
detection: {s: {Result: Fail}, condition: s}
---
title: Many failures
id: failures
level: medium
correlation: {type: event_count, rules: [failure], group-by: [User], timespan: 1m, condition: {gte: 2}}
examples:
  matches: [[{rule: failure, fields: {Result: Fail}}, {rule: failure, after: 59, fields: {Result: Fail}}]]
  passes: [[{rule: failure, fields: {Result: Fail}}, {rule: failure, after: 61, fields: {Result: Fail}}]]
`;

let directory = '';
let output = '';
let warnings = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rules-'));
  await writeFile(join(directory, 'rules.yml'), rules);
  output = warnings = '';
  const take = (into: (text: string) => void) =>
    ((text: string, done?: () => void) => {
      into(text);
      done?.();
      return true;
    }) as typeof process.stdout.write;
  vi.spyOn(process.stdout, 'write').mockImplementation(take((text) => (output += text)));
  vi.spyOn(process.stderr, 'write').mockImplementation(take((text) => (warnings += text)));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

const run = (
  operands: readonly string[],
  options: Readonly<Record<string, string | undefined>> = {},
) =>
  rulesCommand.run({
    operands,
    text: (name) => ({ rules: directory, ...options })[name],
    texts: () => [],
    flag: (name) => options[name] === 'yes',
  });

const started = (CommandLine: string): string =>
  JSON.stringify({
    logsource: { category: 'process_creation', product: 'linux' },
    event: { CommandLine, Image: ['/usr/bin/dash', '/bin/sh'] },
    timeMs: 0,
  });

describe('rules', () => {
  it('match names the line of each event, its rule and level, and what could not be read', async () => {
    const events = join(directory, 'events.jsonl');
    const failure = (timeMs: number): string =>
      JSON.stringify({ logsource: { category: 'login' }, event: { Result: 'Fail' }, timeMs });
    const lines = [started('ls'), started('cpuminer-multi'), failure(0), '', 'no JSON', failure(9)];
    await writeFile(events, lines.join('\n'));
    expect(await run(['match'], { events })).toBe(1);
    expect(output.trimEnd().split('\n')).toEqual([
      '{"event":1,"rule":"miner","level":"high"}',
      '{"event":5,"rule":"failures","level":"medium"}',
    ]);
    expect(warnings).toMatch(/line 5: Correct the JSON/);
  });

  it('list tells each rule and what it needs', async () => {
    await writeFile(
      join(directory, 'windows.yml'),
      'title: W\nid: w\nlogsource: {product: windows}\ndetection: {s: {A: 1}, condition: s}',
    );
    expect(await run(['list'])).toBe(0);
    expect(output).toMatch(/^high {10}local {3}miner {2}Miner$/m);
    expect(output).toMatch(/^no level {6}local {3}failure {2}Failure \(serves a correlation\)$/m);
    expect(output).toMatch(
      /^no level {6}local {3}w {2}W\n {14}needs events of product "windows"$/m,
    );
    output = '';
    await run(['list'], { json: 'yes' });
    expect(
      output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toHaveLength(4);
  });

  it('list without a directory tells those that the agent brings along', async () => {
    expect(await run(['list'], { rules: undefined })).toBe(0);
    expect(output).toMatch(/^high {10}builtin [0-9a-f-]{36} {2}\S/m);
  });

  it('match and explain take events as the hub is told them', async () => {
    const told = (CommandLine: string) =>
      JSON.stringify({
        Name: 'ProcessCreate',
        TimestampUTC: '2026-01-02T03:04:05Z',
        Payload: [{ Executable: '/usr/bin/dash', CommandLine, UserId: '0' }],
      });
    const events = join(directory, 'events.jsonl');
    await writeFile(events, [told('ls'), told('cpuminer-multi'), '{"Name":"Other"}'].join('\n'));
    expect(await run(['match'], { events })).toBe(1);
    expect(output).toBe('{"event":1,"rule":"miner","level":"high"}\n');
    expect(warnings).toContain('line 3: Correct "Name"');
    output = '';
    expect(await run(['explain', 'miner', told('cpuminer-multi')])).toBe(0);
    expect(output).toMatch(/^true {2}line$/m);
    output = '';
    await run(['explain', 'failure', told('cpuminer-multi')]);
    expect(output).toBe('false The rule is about category "login", which the event is none of.\n');
  });

  it('check names file, line and reason of what is refused, and the rest is used', async () => {
    expect(await run(['check', directory])).toBe(0);
    await mkdir(join(directory, 'more'));
    await writeFile(join(directory, 'more', 'bad.yaml'), 'title: x\nlevel: loud\n');
    await writeFile(join(directory, 'more', 'wide.yml'), Buffer.from([0xff, 0xfe, 0x61, 0]));
    output = '';
    expect(await run(['check', directory])).toBe(78);
    expect(output).toMatch(/^more\/bad\.yaml, line 2: Correct level: "loud" is none of/m);
    expect(output).toMatch(/^more\/wide\.yml: The file /m);
    expect(output).toMatch(/^2 rules, 1 correlations, 0 filters; 2 refused/m);
  });

  it('test judges the examples in the rules, those of correlations too', async () => {
    expect(await run(['test', directory])).toBe(0);
    expect(output).toBe('4 examples: 0 are not what they say.\n');
    await writeFile(
      join(directory, 'rules.yml'),
      rules
        .replace('passes: [{CommandLine: miner}]', 'passes: [{CommandLine: cpuminer-multi}]')
        .replace('after: 61', 'after: 60'),
    );
    output = '';
    expect(await run(['test', directory])).toBe(1);
    expect(output).toMatch(/line 10: miner: The rule is true of this example, and should not be\./);
    expect(output).toMatch(/line 23: failures: The rule is true of this example/);
  });

  it('explain says which parts of a condition are true, and quotes nothing of the event', async () => {
    expect(await run(['explain', 'miner', started('run cpuminer-multi s3cret')])).toBe(0);
    expect(output.split('\n')).toEqual([
      'true  line',
      'true    CommandLine is one of 2',
      'false     CommandLine is "*stratum+tcp*"',
      'true      CommandLine is "*cpuminer-multi*"',
      '',
    ]);
  });

  it.each([
    [[], {}, /Say what to do/],
    [['constructor'], {}, /Say what to do/],
    [['match'], {}, /Name the file of the events/],
    [['match'], { events: '/nowhere/x' }, /\/nowhere\/x cannot be read/],
    [['list'], { rules: '/nowhere' }, /\/nowhere does not exist/],
    [['explain', 'miner'], {}, /Name the id of the rule/],
    [['explain', 'other', '{}'], {}, /There is no rule other/],
    [['explain', 'failures', '{}'], {}, /is a correlation/],
    [['explain', 'miner', '{}'], {}, /Give "event" the fields/],
  ])('%o with %o is answered with a sentence', async (operands, options, sentence) => {
    const failed = await run(operands, options).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(CommandError);
    expect((failed as CommandError).message).toMatch(sentence);
    expect((failed as CommandError).exitCode).toBe(78);
  });
});
