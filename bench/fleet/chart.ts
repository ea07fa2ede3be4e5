import { counted, type Counted } from './hub-limits.js';
import { number } from './report.js';
import { titles, type Outcome, type Plan } from './scenarios.js';

const panel = { width: 300, height: 150, left: 64, top: 34, gapX: 76, gapY: 78 };
const points = 150;
const labels: Readonly<Record<Counted, string>> = {
  connects: 'Connects per second',
  sends: 'Sends per second',
  reads: 'Twin reads per second',
  updates: 'Twin updates per second',
};

/** The rates of every scenario against the limits: a row of four panels for each. */
export function chart(outcomes: readonly Outcome[], plan: Plan): string {
  const width = panel.left + counted.length * (panel.width + panel.gapX);
  const height = 80 + outcomes.length * (panel.top + panel.height + panel.gapY);
  const { tier, units } = plan.edition;
  const heading = `${number(plan.devices)} devices on ${units} × ${tier}, reconnectSpread ${plan.spreads.reconnectSeconds} s, twinSpread ${plan.spreads.twinSeconds} s`;
  const rows = outcomes.map((outcome, row) => {
    const top = 80 + row * (panel.top + panel.height + panel.gapY);
    const panels = counted.map((what, column) => {
      const left = panel.left + column * (panel.width + panel.gapX);
      return `<g transform="translate(${left},${top + panel.top})">${panelOf(outcome, what, plan)}</g>`;
    });
    return `<text x="${panel.left}" y="${top + 4}" class="title">${titles[outcome.scenario]}</text>${panels.join('')}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<style>.title{font-size:16px;font-weight:bold}.axis{stroke:#444;fill:none}.grid{stroke:#ddd}.rate{fill:#2b6cb0;fill-opacity:.35;stroke:#2b6cb0}.limit{stroke:#c53030;stroke-dasharray:6 4}.red{fill:#c53030}.mark{stroke:#2f855a}</style>
<rect width="100%" height="100%" fill="white"/>
<text x="${panel.left}" y="30" class="title">${heading}</text>
<text x="${panel.left}" y="50">Blue: the largest rate in each step of time. Red: the limit of the hub. Green: when it happened, or when the hub was there again.</text>
${rows.join('\n')}
</svg>
`;
}

function panelOf(outcome: Outcome, what: Counted, plan: Plan): string {
  const { width, height } = panel;
  const { perSecond } = outcome.figures[what];
  const seconds = Math.max(60, outcome.endMs / 1000);
  const limit = plan.edition.limits[what];
  const most = Math.max(limit, outcome.figures[what].peak) * 1.1;
  const x = (atSeconds: number): string => ((atSeconds / seconds) * width).toFixed(1);
  const y = (rate: number): string => (height - (rate / most) * height).toFixed(1);
  const step = Math.max(1, Math.ceil(seconds / points));
  const line: string[] = [];
  for (let from = 0; from < seconds; from += step) {
    const rate = perSecond.slice(from, from + step).reduce((max, count) => Math.max(max, count), 0);
    line.push(`${x(from)},${y(rate)} ${x(Math.min(seconds, from + step))},${y(rate)}`);
  }
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const minutes = (part * seconds) / 60;
    return `<text x="${part * width}" y="${height + 16}" text-anchor="middle">${minutes < 10 ? minutes.toFixed(1) : number(minutes)}</text>`;
  });
  const rates = [0, 0.5, 1].map((part) => {
    const at = height - part * height;
    return `<line class="grid" x1="0" x2="${width}" y1="${at}" y2="${at}"/><text x="-6" y="${at + 4}" text-anchor="end">${number(part * most)}</text>`;
  });
  return [
    ...rates,
    `<polygon class="rate" points="0,${height} ${line.join(' ')} ${width},${height}"/>`,
    `<line class="limit" x1="0" x2="${width}" y1="${y(limit)}" y2="${y(limit)}"/>`,
    `<text class="red" x="${width}" y="${Number(y(limit)) - 4}" text-anchor="end">limit ${number(limit)}</text>`,
    `<line class="mark" x1="${x(outcome.fromMs / 1000)}" x2="${x(outcome.fromMs / 1000)}" y1="0" y2="${height}"/>`,
    `<path class="axis" d="M0,0 V${height} H${width}"/>`,
    ...ticks,
    `<text x="${width / 2}" y="${height + 32}" text-anchor="middle">minutes</text>`,
    `<text x="0" y="-8">${labels[what]}</text>`,
  ].join('');
}
