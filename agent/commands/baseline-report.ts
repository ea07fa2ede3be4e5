import { resolve } from 'node:path';
import { systemClock } from '../../base/clock.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { utcText } from '../../base/timestamps.js';
import { createHost } from '../../collectors/host.js';
import type { FileScans } from '../../collectors/interface/file-scan.js';
import { hostPaths } from '../../collectors/kernel/paths.js';
import { baselineChecks } from '../../collectors/os-baseline/checks/index.js';
import type { Check, Verdict } from '../../collectors/os-baseline/checks/check.js';
import { countsOf, type Outcome, runBaseline } from '../../collectors/os-baseline/run-baseline.js';
import { CustomChecksError } from '../../collectors/os-baseline/custom/custom-error.js';
import {
  type CustomChecks,
  readCustomFile,
  sha256Of,
  textOf,
} from '../../collectors/os-baseline/custom/load-checks.js';
import { parseCustomChecks } from '../../collectors/os-baseline/custom/parse-checks.js';
import type { HostFiles } from '../../collectors/os-baseline/facts/host-files.js';
import { scanFiles } from '../../collectors/os-baseline/scan/scan-files.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import { KeptScan } from '../maintenance/kept-scan.js';
import type { ParsedArguments } from './command.js';

const deadlineMs = 120_000;
const longestScanMs = 60 * 60_000;

/** Makes the checks that are asked for and prints them; resolves with the exit code. */
export async function reportBaseline(parsed: ParsedArguments): Promise<number> {
  const checks = choose(parsed.text('check'));
  const customPath = parsed.text('custom');
  const host = createHost({
    clock: systemClock,
    settings: standardLocalSettings(),
    fileScans: await fileScans(parsed.flag('scan')),
    onTampering: () => undefined,
    onProblem: () => undefined,
  });
  const signal = AbortSignal.timeout(deadlineMs);
  const { outcomes, limitations } = await runBaseline(checks, {
    host,
    signal,
    ...(customPath !== undefined && { custom: (files) => customChecks(customPath, files) }),
  });
  for (const limitation of limitations) process.stderr.write(`${printable(limitation)}\n`);
  process.stdout.write(parsed.flag('json') ? json(outcomes) : readable(outcomes));
  return countsOf(outcomes).failed === 0 ? exitCodes.stopped : exitCodes.crashed;
}

/** Those of a file that a person names: no hash has to be right yet, and the right one is told. */
async function customChecks(path: string, files: HostFiles): Promise<CustomChecks> {
  try {
    const bytes = await readCustomFile(resolve(path), files);
    process.stderr.write(`SHA-256 of ${printable(path)}: ${sha256Of(bytes)}\n`);
    return { checks: await parseCustomChecks(textOf(bytes)) };
  } catch (error) {
    if (!(error instanceof CustomChecksError)) throw error;
    throw new CommandError(error.message, exitCodes.configuration);
  }
}

/** Those that the agent kept, where this user may read them; or of one that is made now. */
async function fileScans(now: boolean): Promise<FileScans> {
  if (!now) return KeptScan.open(standardLocalSettings().stateDirectory);
  const signal = AbortSignal.timeout(longestScanMs);
  const host = { paths: hostPaths, clock: systemClock };
  // A person waits.
  const scan = await scanFiles({ host, signal, rests: false });
  return { latest: () => scan };
}

function choose(id: string | undefined): readonly Check[] {
  if (id === undefined) return baselineChecks;
  const chosen = baselineChecks.filter((check) => check.id === id);
  if (chosen.length > 0) return chosen;
  throw new CommandError(
    `There is no check '${printable(id)}'; iot-security-agent baseline names them all.`,
    exitCodes.configuration,
  );
}

const words: Readonly<Record<Verdict['result'], string>> = {
  pass: 'pass',
  fail: 'FAIL',
  notApplicable: 'n/a',
  error: 'error',
};

function json(outcomes: readonly Outcome[]): string {
  const lines = outcomes.map(({ check, verdict }) => {
    const { id, title, severity, expected, remedy, section, cceId, ruleId } = check;
    const says = { id, title, severity, ...verdict, expected, remedy, section, cceId, ruleId };
    return `${JSON.stringify(says)}\n`;
  });
  return lines.join('');
}

/** The passed and the inapplicable first, so that what is to be done stands above the prompt. */
function readable(outcomes: readonly Outcome[]): string {
  const order: readonly Verdict['result'][] = ['pass', 'notApplicable', 'error', 'fail'];
  const lines = order.flatMap((result) =>
    outcomes.filter(({ verdict }) => verdict.result === result).flatMap(linesOf),
  );
  const { passed, failed, errors, notApplicable } = countsOf(outcomes);
  const sum = `${outcomes.length} checks: ${passed} passed, ${failed} failed, ${errors} could not be made, ${notApplicable} do not apply here.`;
  return `${[...lines, '', sum].join('\n')}\n`;
}

function linesOf({ check, verdict }: Outcome): string[] {
  const asOf = verdict.asOfMs === undefined ? '' : ` (as of ${utcText(verdict.asOfMs)})`;
  const head = `${words[verdict.result].padEnd(6)} ${check.id.padEnd(34)} ${check.title}${asOf}`;
  switch (verdict.result) {
    case 'pass':
      return [head];
    case 'fail':
      return [
        `${head} (${check.severity})`,
        indented(`found:    ${verdict.found}`),
        indented(`expected: ${check.expected}`),
        indented(`remedy:   ${check.remedy}`),
      ];
    default:
      return [head, indented(verdict.why)];
  }
}

function indented(text: string): string {
  return `       ${printable(text, 1024)}`;
}
