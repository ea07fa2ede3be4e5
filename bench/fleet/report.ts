import { counted, type Counted } from './hub-limits.js';
import { titles, type Outcome, type Plan } from './scenarios.js';

const names: Readonly<Record<Counted, string>> = {
  connects: 'connects',
  sends: 'sends',
  reads: 'twin reads',
  updates: 'twin updates',
};

/** Whether what must hold does: nothing queued or refused, and everything done soon. */
export interface Verdict {
  readonly withinLimits: boolean;
  /** Of the scenario as a whole: its last step against the largest lower bound; undefined where nothing recovers. */
  readonly ratio: number | undefined;
  /** Within 1.2 × the lower bound, or in a minute, which is soon enough for the bounds of small fleets. */
  readonly soon: boolean;
}

export function verdictOf(outcome: Outcome, plan: Plan): Verdict {
  const withinLimits = counted.every((what) => {
    const { queued, refused } = outcome.figures[what];
    return queued === 0 && refused === 0;
  });
  const steps = Object.entries(outcome.recovery) as [Counted, number | undefined][];
  if (steps.length === 0) return { withinLimits, ratio: undefined, soon: true };
  const last = Math.max(...steps.map(([, ms]) => ms ?? Infinity)) / 1000;
  const bound = Math.max(...steps.map(([what]) => plan.devices / plan.edition.limits[what]));
  return { withinLimits, ratio: last / bound, soon: last <= Math.max(60, 1.2 * bound) };
}

export function describePlan({ devices, edition, spreads }: Plan): string {
  const { tier, units, limits } = edition;
  const each = counted.map((what) => `${names[what]} ${number(limits[what])}`).join(', ');
  return [
    `${number(devices)} devices on ${units} × ${tier}; limits per second: ${each}`,
    `reconnectSpread PT${spreads.reconnectSeconds}S, twinSpread PT${spreads.twinSeconds}S`,
  ].join('\n');
}

/** One scenario as a table. */
export function describeOutcome(outcome: Outcome, plan: Plan): string {
  const header = [
    '',
    'asked',
    'peak/s',
    'limit/s',
    'queued',
    'refused',
    'all done',
    'bound',
    'ratio',
  ];
  const rows = counted.map((what) => {
    const { asked, peak, queued, refused } = outcome.figures[what];
    const limit = plan.edition.limits[what];
    const isStep = what in outcome.recovery;
    const seconds =
      outcome.recovery[what] === undefined ? undefined : outcome.recovery[what] / 1000;
    const bound = plan.devices / limit;
    return [
      names[what],
      number(asked),
      number(peak),
      number(limit),
      number(queued),
      number(refused),
      isStep ? (seconds === undefined ? 'never' : `${number(seconds)} s`) : '',
      isStep ? `${number(bound)} s` : '',
      isStep && seconds !== undefined ? (seconds / bound).toFixed(2) : '',
    ];
  });
  return [titles[outcome.scenario], table([header, ...rows]), sentenceOf(outcome, plan)].join('\n');
}

export function sentenceOf(outcome: Outcome, plan: Plan): string {
  const { withinLimits, ratio } = verdictOf(outcome, plan);
  const limits = withinLimits
    ? 'Nothing waited or was refused.'
    : 'A limit was exceeded beyond its burst.';
  if (ratio === undefined) {
    const minutes = outcome.endMs / 60_000;
    return minutes < 1440 ? `${limits} Only ${number(minutes)} minutes of it were run.` : limits;
  }
  if (ratio === Infinity) return `${limits} Some devices never recovered.`;
  return `${limits} Recovered in ${ratio.toFixed(2)} × the lower bound.`;
}

export function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Columns as wide as their longest cell; all but the first to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
