/**
 * How many started programs a second go from audit records to messages: parsed, redacted, journaled, read again, put
 * into messages and acknowledged. Told as a ratio to a fixed loop that is measured in turns with it, so that runs on
 * different days and machines can be compared. Then the share of it that judging each by the built-in rules costs more,
 * measured in turns with the same without rules.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LossLedger } from '../agent/accounting/losses.js';
import { Judge } from '../agent/detection/judge.js';
import { Alerts } from '../agent/pipeline/alerts.js';
import { Outbox } from '../agent/pipeline/outbox.js';
import { Pipeline } from '../agent/pipeline/pipeline.js';
import { createRedactor } from '../agent/pipeline/redaction/redactor.js';
import { builtinRulesDirectory } from '../agent/rule-supply/places.js';
import { Spool } from '../agent/spool/spool.js';
import { buildBatch } from '../agent/uplink/batch.js';
import { systemClock } from '../base/clock.js';
import { EventAssembler } from '../collectors/kernel/audit/assembler.js';
import { readExecve } from '../collectors/kernel/audit/execve.js';
import { parseRecord } from '../collectors/kernel/audit/record.js';
import { observationOf } from '../collectors/process-create/payload.js';
import { programOfExecve } from '../collectors/process-create/sources/program.js';
import { evaluateTwin } from '../config/evaluate-twin.js';
import { standardLocalSettings } from '../config/parse-local-settings.js';
import { readRuleDirectory } from '../detection/rules/read-directory.js';

const events = 3_000;
const rounds = 9;

/** As the kernel writes them for `execve`. */
function records(number: number): readonly (readonly [number, string])[] {
  const id = `audit(1767000000.${String(number % 1000).padStart(3, '0')}:${number})`;
  return [
    [
      1300,
      `${id}: arch=c000003e syscall=59 success=yes exit=0 a0=55d0 a1=55d1 a2=55d2 a3=8 items=2 ppid=100 pid=${1000 + number} auid=1000 uid=1000 gid=1000 euid=1000 suid=1000 fsuid=1000 egid=1000 sgid=1000 fsgid=1000 tty=pts0 ses=3 comm="curl" exe="/usr/bin/curl" subj=unconfined key="iot-security-agent"`,
    ],
    [
      1309,
      `${id}: argc=6 a0="curl" a1="--silent" a2="--user" a3="admin:secret" a4="--output" a5="/srv/file-${number}"`,
    ],
    [1307, `${id}: cwd="/home/user"`],
    [1327, `${id}: proctitle="curl"`],
  ];
}

/** A fixed amount of the kind of work that the pipeline does: text, JSON, hashes. */
function reference(): void {
  const value = { text: 'x'.repeat(200), list: Array.from({ length: 40 }, (_, index) => index) };
  for (let turn = 0; turn < 6_000; turn++) {
    const json = JSON.stringify({ ...value, turn });
    createHash('sha256').update(json).digest('hex');
    JSON.parse(json);
  }
}

async function once(directory: string, judge?: Judge): Promise<void> {
  const losses = new LossLedger();
  const settings = {
    ...evaluateTwin({}, undefined).settings,
    aggregationEnabledProcessCreate: false,
  };
  const local = standardLocalSettings();
  const spool = await Spool.open({
    directory,
    limitBytes: 64_000_000,
    clock: systemClock,
    lose: (cause, count) => losses.count('spool', cause, count),
  });
  const outbox = new Outbox({
    spool,
    clock: systemClock,
    losses,
    maxEventBytes: () => 200_000,
    maxSnapshotBytes: () => 200_000,
    aggregatedCategory: 'Triggered',
    markTime: () => undefined,
  });
  const pipeline = new Pipeline({
    own: { isOwn: () => false },
    redactor: createRedactor(local.redactionPatterns),
    maxCommandLineBytes: local.maxCommandLineBytes,
    aggregates: { add: () => undefined },
    outbox,
    losses,
    settings: { current: settings },
    ...(judge !== undefined && {
      detection: { rules: judge, alerts: new Alerts({ clock: systemClock, outbox, losses }) },
    }),
  });
  const assembler = new EventAssembler(
    (event) => {
      const execve = readExecve(event);
      if (execve === undefined) throw new Error('No program was read.');
      const program = programOfExecve(execve, event);
      const context = { userName: 'user', auditUserName: 'user', container: null };
      pipeline.observe('ProcessCreate', observationOf(program, context, ''));
    },
    () => undefined,
  );
  for (let number = 0; number < events; number++) {
    for (const [type, text] of records(number)) {
      const record = parseRecord(type, text);
      if (record !== undefined) assembler.push(record, 0);
    }
    if (number % 200 === 0) await outbox.flush();
  }
  await outbox.flush();
  let sent = 0;
  for (;;) {
    const after = spool.stats().low.headSequence;
    const main = await spool.read('low', after, 200_000);
    if (main.length === 0) break;
    const envelope = { agentVersion: '1', agentId: '1', hubResourceId: '', securityMarker: true };
    const batch = buildBatch(
      { operational: [], main, filling: [] },
      { envelope, priority: 'Low', limitBytes: 204_800, fillWhole: false },
    );
    sent += batch.eventCount;
    await spool.acknowledge('low', batch.through.low ?? after);
  }
  await spool.close();
  const lost = Object.keys(losses.snapshot());
  if (sent === 0 || lost.length > 0) throw new Error(`Not everything was sent: ${lost.join(' ')}`);
}

async function timed(work: () => Promise<void> | void): Promise<number> {
  const { user, system } = process.cpuUsage();
  await work();
  const after = process.cpuUsage();
  return (after.user + after.system - user - system) / 1000;
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

async function main(): Promise<void> {
  const memory = statSync('/dev/shm', { throwIfNoEntry: false });
  const directory = mkdtempSync(join(memory === undefined ? tmpdir() : '/dev/shm', 'bench-'));
  const judge = new Judge(await readRuleDirectory(builtinRulesDirectory()), {
    lose: (cause) => {
      throw new Error(`Not everything was judged: ${cause}`);
    },
    onSuspended: ({ title }) => {
      throw new Error(`A rule is too slow: ${title}`);
    },
  });
  const shares: number[] = [];
  const works: number[] = [];
  const ratios: number[] = [];
  try {
    await once(join(directory, 'warm'));
    await once(join(directory, 'warm-judged'), judge);
    reference();
    for (let round = 0; round < rounds; round++) {
      const referenceMs = await timed(reference);
      const workMs = await timed(() => once(join(directory, String(round))));
      works.push(workMs);
      ratios.push(workMs / referenceMs);
      const judgedMs = await timed(() => once(join(directory, `${round}-judged`), judge));
      shares.push(judgedMs / workMs - 1);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const perSecond = Math.round((events / median(works)) * 1000);
  process.stdout.write(
    `${perSecond} programs per second of processor time; ${events} of them cost ${median(ratios).toFixed(2)} reference loops (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})\njudging each by ${judge.set.rules.length} rules costs ${(100 * median(shares)).toFixed(1)} % more\n`,
  );
}

await main();
