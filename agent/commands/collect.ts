import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../base/clock.js';
import { plainReason } from '../../base/errors.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { lossCauses, type LossCause } from '../../base/loss.js';
import { printable } from '../../base/text.js';
import { isUnavailable } from '../../base/unavailable.js';
import { createHost } from '../../collectors/host.js';
import type { Collector } from '../../collectors/interface/collector.js';
import type { Host } from '../../collectors/interface/host.js';
import type { SourceState } from '../../collectors/kernel/source-state.js';
import { collectors } from '../../collectors/registry.js';
import { localSettings } from '../../config/local-settings.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import type { EventName, Payload } from '../../contract/events.js';
import { securityEvent } from '../pipeline/event.js';
import { createRedactor } from '../pipeline/redaction/redactor.js';
import type { Command } from './command.js';

export const collectCommand: Command = {
  name: 'collect',
  operands: 'NAME… | all',
  operandMeanings: {
    NAME: `A collector: ${collectors.map(({ name }) => name).join(', ')}.`,
    all: 'Every collector.',
  },
  operandChoices: ['all', ...collectors.map(({ name }) => name)],
  meaning: 'Runs collectors once and prints their events; sends nothing and needs no hub.',
  options: {
    json: { type: 'boolean', meaning: 'Print each event as one line of JSON.' },
    seconds: {
      type: 'string',
      value: 'N',
      default: '5',
      meaning: 'How long to watch for things that happen.',
    },
    inventory: {
      type: 'string',
      value: 'DIR',
      default: localSettings.inventoryDirectory.default,
      meaning: 'Where the sockets of the inventory process are.',
    },
  },
  run: async (parsed) => {
    const chosen = choose(parsed.operands);
    const watchMs = 1000 * seconds(parsed.text('seconds') ?? '');
    const json = parsed.flag('json');
    const warn = (sentence: string): void => {
      process.stderr.write(`${printable(sentence)}\n`);
    };
    const host = createHost({
      clock: systemClock,
      settings: {
        ...standardLocalSettings(),
        inventoryDirectory: parsed.text('inventory') ?? '',
      },
      onTampering: warn,
      onProblem: warn,
    });
    await host.start();
    const print = (name: EventName, payloads: readonly Payload[], timeMs: number): void => {
      const event = securityEvent({ name, payloads, timeMs });
      process.stdout.write(json ? `${JSON.stringify(event)}\n` : readable(name, payloads));
    };
    const say = (name: EventName, sentence: string): void => {
      process.stderr.write(`${name}: ${printable(sentence)}\n`);
    };
    const interrupted = interruption();
    try {
      const results = await Promise.all(
        chosen.map((collector) =>
          collectOnce({ collector, host, watchMs, interrupted, print, say }),
        ),
      );
      return results.every((seen) => seen) ? exitCodes.stopped : exitCodes.crashed;
    } finally {
      await host.stop();
    }
  },
};

/** Aborted by what asks the command to end early, so that whatever was changed in the kernel is undone then too. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  const end = (): void => controller.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  // EPIPE: whoever read the events, for example head(1), has gone.
  process.stdout.on('error', end);
  process.stderr.on('error', end);
  return controller.signal;
}

function choose(names: readonly string[]): readonly Collector[] {
  const known = collectors.map(({ name }) => name);
  if (names.length === 0) {
    throw new CommandError(
      `Name what to collect: all, ${known.join(', ')}.`,
      exitCodes.configuration,
    );
  }
  if (names.includes('all')) return collectors;
  return names.map((name) => {
    const found = collectors.find((collector) => collector.name === name);
    if (found !== undefined) return found;
    throw new CommandError(
      `There is no collector '${printable(name)}'; there are ${known.join(', ')}.`,
      exitCodes.configuration,
    );
  });
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0 && value <= 86_400) return value;
  throw new CommandError('--seconds takes a number from 0 to 86400.', exitCodes.configuration);
}

interface CollectOptions {
  readonly collector: Collector;
  readonly host: Host;
  readonly watchMs: number;
  readonly interrupted: AbortSignal;
  readonly print: (name: EventName, payloads: readonly Payload[], timeMs: number) => void;
  readonly say: (name: EventName, sentence: string) => void;
}

/** Resolves with whether this host could answer; a collector that fails leaves the others alone. */
export async function collectOnce(options: CollectOptions): Promise<boolean> {
  try {
    return await tryToCollect(options);
  } catch (error) {
    if (options.interrupted.aborted) return true;
    options.say(options.collector.name, `it could not be collected: ${plainReason(error)}.`);
    return false;
  }
}

async function tryToCollect(options: CollectOptions): Promise<boolean> {
  const { collector, host, watchMs, interrupted, print, say } = options;
  const { name } = collector;
  const losses = new Map<LossCause, number>();
  const lose = (cause: LossCause, count: number): void =>
    void losses.set(cause, (losses.get(cause) ?? 0) + count);
  const sayLosses = (): void => {
    for (const [cause, count] of losses) say(name, `${cause} ${count}: ${lossCauses[cause]}`);
  };
  const setSource = ({ source, limitation }: SourceState): void =>
    say(name, `from ${source}${limitation === undefined ? '' : `: ${limitation}`}`);
  if (collector.kind === 'snapshot') {
    const answer = await collector.collect({
      host,
      lose,
      setSource,
      signal: AbortSignal.any([AbortSignal.timeout(30_000), interrupted]),
    });
    sayLosses();
    if (isUnavailable(answer)) say(name, answer.unavailable);
    else print(name, 'news' in answer ? answer.news : answer, systemClock.wallMs());
    return !isUnavailable(answer);
  }
  const redactor = createRedactor([]);
  const running = await collector.start({
    host,
    lose,
    clock: systemClock,
    emit: ({ payload, argv, timeMs }) => {
      const shown = argv ?? ('CommandLine' in payload ? [payload.CommandLine] : undefined);
      const masked = shown === undefined ? {} : { CommandLine: redactor.redact(shown).join(' ') };
      print(name, [{ ...payload, ...masked }], timeMs);
    },
    setSource,
    fail: (error) => say(name, error.message),
  });
  if (isUnavailable(running)) {
    say(name, running.unavailable);
    return false;
  }
  await sleep(watchMs, undefined, { signal: interrupted }).catch(() => undefined);
  await running.stop();
  sayLosses();
  return true;
}

function readable(name: EventName, payloads: readonly Payload[]): string {
  if (payloads.length === 0) return `${name}: none\n`;
  return payloads
    .map((payload) => {
      const { ExtraDetails, ...fields } = payload;
      const pairs = Object.entries({ ...fields, ...ExtraDetails }).map(
        ([key, value]) =>
          `${key}=${typeof value === 'string' ? JSON.stringify(value) : String(value)}`,
      );
      return `${printable(`${name} ${pairs.join(' ')}`)}\n`;
    })
    .join('');
}
