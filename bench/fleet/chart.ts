import { counted, type Counted } from './hub-limits.js';
import { number, sentenceOf } from './report.js';
import { titles, type Outcome, type Plan } from './scenarios.js';

const panel = { width: 320, height: 150, left: 56, top: 36, gapX: 64, gapY: 70 };
const headHeight = 104;
const steps = 150;
const labels: Readonly<Record<Counted, string>> = {
  connects: 'Connects per second',
  sends: 'Sends per second',
  reads: 'Twin reads per second',
  updates: 'Twin updates per second',
};
const legend = [
  'Area: the mean of each step of time; line above it: its largest second. Red: the limit of the hub, which absorbs one second of it as a burst. Peaks are those of the whole run.',
  'Green: when it happened, or when the hub was there again. Grey: the lower bound for every device to have done it, devices / limit.',
];

/** The rates of every scenario against the limits: a row of four panels for each. */
export function chart(outcomes: readonly Outcome[], plan: Plan): string {
  const rowHeight = panel.top + panel.height + panel.gapY;
  const width = panel.left + counted.length * (panel.width + panel.gapX) - panel.gapX + 24;
  const height = headHeight + outcomes.length * rowHeight;
  const { tier, units } = plan.edition;
  const { reconnectSeconds, twinSeconds } = plan.spreads;
  const heading = `${number(plan.devices)} devices on ${units} × ${tier}, reconnectSpread PT${reconnectSeconds}S, twinSpread PT${twinSeconds}S`;
  const rows = outcomes.map((outcome, row) => {
    const top = headHeight + row * rowHeight;
    const panels = counted.map((what, column) => {
      const left = panel.left + column * (panel.width + panel.gapX);
      return `<g transform="translate(${left},${top + panel.top})">${panelOf(outcome, what, plan)}</g>`;
    });
    const title = `<tspan class="title">${titles[outcome.scenario]}.</tspan> ${sentenceOf(outcome, plan)}`;
    return `<text x="${panel.left}" y="${top + 4}">${title}</text>${panels.join('')}`;
  });
  const lines = legend.map((text, line) => `<text x="8" y="${48 + 18 * line}">${text}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<style>.title{font-size:15px;font-weight:bold}.axis{stroke:#444;fill:none}.grid{stroke:#ddd}.mean{fill:#2b6cb0;fill-opacity:.35}.peak{stroke:#2b6cb0;fill:none}.limit{stroke:#c53030;stroke-width:1.5;stroke-dasharray:6 4}.red{fill:#c53030}.blue{fill:#2b6cb0}.mark{stroke:#2f855a;stroke-width:1.5}.bound{stroke:#666;stroke-dasharray:2 3}</style>
<rect width="100%" height="100%" fill="white"/>
<text x="8" y="26" class="title">${heading}</text>
${lines.join('')}
${rows.join('\n')}
</svg>
`;
}

function panelOf(outcome: Outcome, what: Counted, plan: Plan): string {
  const { width, height } = panel;
  const { peak } = outcome.figures[what];
  const limit = plan.edition.limits[what];
  const most = Math.max(limit, peak) * 1.1;
  const { from, to } = windowOf(outcome, plan);
  const event = outcome.fromMs / 1000;
  const x = (second: number): string => (((second - from) / (to - from)) * width).toFixed(1);
  const y = (rate: number): string => (height - (rate / most) * height).toFixed(1);
  const vertical = (name: string, second: number): string =>
    `<line class="${name}" x1="${x(second)}" x2="${x(second)}" y1="0" y2="${height}"/>`;
  const rates = ticks(0, most, 4, roundNumbers).map(
    (rate) =>
      `<line class="grid" x1="0" x2="${width}" y1="${y(rate)}" y2="${y(rate)}"/><text x="-6" y="${Number(y(rate)) + 4}" text-anchor="end">${rate.toLocaleString('en-US')}</text>`,
  );
  const minutes = ticks((from - event) / 60, (to - event) / 60, 7, roundMinutes).map(
    (minute) =>
      `<text x="${x(event + minute * 60)}" y="${height + 16}" text-anchor="middle">${minute.toLocaleString('en-US')}</text>`,
  );
  const mean: string[] = [];
  const largest: string[] = [];
  const step = Math.max(1, Math.ceil((to - from) / steps));
  for (let start = from; start < to; start += step) {
    const end = Math.min(to, start + step);
    const seconds = outcome.figures[what].perSecond.slice(start, end);
    const sum = seconds.reduce((total, count) => total + count, 0);
    const add = (points: string[], rate: number) =>
      points.push(`${x(start)},${y(rate)} ${x(end)},${y(rate)}`);
    add(mean, sum / (end - start));
    add(largest, Math.max(0, ...seconds));
  }
  return [
    ...rates,
    `<polygon class="mean" points="0,${height} ${mean.join(' ')} ${width},${height}"/>`,
    `<polyline class="peak" points="${largest.join(' ')}"/>`,
    `<line class="limit" x1="0" x2="${width}" y1="${y(limit)}" y2="${y(limit)}"/>`,
    outcome.scenario === 'day' ? '' : vertical('mark', event),
    what in outcome.recovery ? vertical('bound', event + plan.devices / limit) : '',
    `<path class="axis" d="M0,0 V${height} H${width}"/>`,
    ...minutes,
    `<text x="${width / 2}" y="${height + 32}" text-anchor="middle">minutes</text>`,
    `<text x="0" y="-8">${labels[what]}</text>`,
    `<text x="${width}" y="-8" text-anchor="end"><tspan class="blue">peak ${number(peak)}</tspan>, <tspan class="red">limit ${number(limit)}</tspan></text>`,
  ].join('');
}

/** What of a run is drawn, in whole seconds: where it recovers, from a little before until a little after that. */
function windowOf({ recovery, fromMs, endMs }: Outcome, plan: Plan): { from: number; to: number } {
  const steps = Object.entries(recovery) as [Counted, number | undefined][];
  const needed = steps.flatMap(([what, ms]) => [
    (ms ?? Infinity) / 1000,
    plan.devices / plan.edition.limits[what],
  ]);
  const event = fromMs / 1000;
  const end = endMs / 1000;
  const to = steps.length === 0 ? end : Math.min(end, event + 1.1 * Math.max(...needed));
  const from = Math.max(0, event - 0.1 * (to - event));
  return { from: Math.floor(from), to: Math.ceil(Math.max(to, from + 60)) };
}

const roundNumbers = [-1, 0, 1, 2, 3, 4, 5].flatMap((power) =>
  [1, 2, 5].map((times) => times * 10 ** power),
);
const roundMinutes = [...roundNumbers.filter((size) => size <= 20), 30, 60, 120, 240, 480];

/** The multiples of a round step from `low` to `high`, fewer than so many. */
function ticks(low: number, high: number, fewerThan: number, steps: readonly number[]) {
  const step = steps.find((size) => (high - low) / size < fewerThan) ?? high - low;
  const first = Math.ceil(low / step);
  return Array.from(
    { length: Math.floor(high / step) - first + 1 },
    (_, index) => (first + index) * step,
  );
}
