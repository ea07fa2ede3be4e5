import { curvePanels, escaped } from './curve-panels.js';
import { number } from './page.js';
import type { Measured, Result } from './result.js';
import type { Spread } from './statistics.js';

const panels = [
  { figure: 'execCpuUs', title: 'CPU of all its processes for an exec, µs', scale: 1 },
  { figure: 'connectionCpuUs', title: 'CPU for a connection, both ends, µs', scale: 1 },
  { figure: 'peakResidentKb', title: 'Memory at the peak (resident), MB', scale: 1 / 1024 },
] as const;

const left = 250;
const width = 460;
const right = 110;
const row = 22;
const bar = 14;
const gap = 52;

/** Bars of the medians with the span of the rounds, a panel for each figure, and then the curves; the same result gives the same picture. */
export function picture(result: Result): string {
  let top = 64;
  const drawn = panels.flatMap(({ figure, title, scale }) => {
    const rows = result.watchers.flatMap((watcher) => {
      const of = watcher.figures[figure];
      return of === undefined || watcher.name === 'untraced' ? [] : [{ watcher, of }];
    });
    if (rows.length === 0) return [];
    const most = Math.max(...rows.map(({ of }) => of.most));
    const lines = rows.map(({ watcher, of }, at) => line(watcher, of, at, most, scale));
    const text = `<g transform="translate(0,${top})"><text class="title" x="8" y="-12">${escaped(title)}</text>${lines.join('')}</g>`;
    top += rows.length * row + gap;
    return [text];
  });
  const curves = curvePanels(result.curves, top + 24);
  const height = top - 24 + curves.height + (curves.height > 0 ? 24 : 0);
  const { rounds, date, machine } = result;
  const about = `${date}, medians of ${rounds} rounds with their span; ${machine['processors'] ?? ''}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + right} ${height}" font-family="sans-serif" font-size="12">
<style>.title{font-size:14px;font-weight:bold}.agent{fill:#2b6cb0}.peer{fill:#718096}.rules{fill:#cbd5e0}.cost{stroke:#c05621;stroke-width:2;fill:none}.span{stroke:#1a202c;stroke-width:1.5}</style>
<rect width="100%" height="100%" fill="white"/>
<text x="8" y="22">${escaped(about)}</text>
${drawn.join('\n')}
${curves.svg}
</svg>
`;
}

function line(watcher: Measured, of: Spread, at: number, most: number, scale: number): string {
  const y = at * row;
  const x = (value: number): string => (left + (value / most) * width).toFixed(1);
  const kind = watcher.name.startsWith('agent')
    ? 'agent'
    : watcher.name === 'discard'
      ? 'rules'
      : 'peer';
  const middle = y + bar / 2;
  return [
    `<text x="${left - 8}" y="${y + 11}" text-anchor="end">${escaped(watcher.title)}</text>`,
    `<rect class="${kind}" x="${left}" y="${y}" width="${((of.median / most) * width).toFixed(1)}" height="${bar}"/>`,
    `<line class="span" x1="${x(of.least)}" x2="${x(of.most)}" y1="${middle}" y2="${middle}"/>`,
    `<text x="${Number(x(of.most)) + 6}" y="${y + 11}">${number(of.median * scale)}</text>`,
  ].join('');
}
