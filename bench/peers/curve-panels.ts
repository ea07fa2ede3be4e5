import { number } from './page.js';
import type { Curve } from './result.js';

const panel = { width: 220, height: 90, gapX: 50, gapY: 64, left: 50, inRow: 3 };

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** One panel for each curve: memory as bars, and what it costs as a line, each in its own measure; `y` is where they begin. */
export function curvePanels(
  curves: readonly Curve[],
  y: number,
): { readonly svg: string; readonly height: number } {
  const rows = Math.ceil(curves.length / panel.inRow);
  const drawn = curves.map((curve, at) => {
    const left = panel.left + (at % panel.inRow) * (panel.width + panel.gapX);
    const top = y + Math.floor(at / panel.inRow) * (panel.height + panel.gapY);
    return `<g transform="translate(${left},${top})">${panelOf(curve)}</g>`;
  });
  return { svg: drawn.join('\n'), height: rows * (panel.height + panel.gapY) };
}

function panelOf({ name, unit, points }: Curve): string {
  const names = Object.keys(points[0]?.figures ?? {});
  const cost = names.find((of) => !of.startsWith('MB'));
  const memory = names.find((of) => of.startsWith('MB'));
  const step = panel.width / Math.max(1, points.length);
  const values = (of: string | undefined): readonly number[] =>
    points.map(({ figures }) => (of === undefined ? 0 : (figures[of] ?? 0)));
  const height = (value: number, all: readonly number[]): number =>
    (value / Math.max(...all, Number.EPSILON)) * panel.height;
  const middle = (at: number): number => (at + 0.5) * step;
  const bars = values(memory).map((value, at, all) => {
    const high = height(value, all);
    const where = `x="${(middle(at) - step / 4).toFixed(1)}" y="${(panel.height - high).toFixed(1)}"`;
    return `<rect class="rules" ${where} width="${(step / 2).toFixed(1)}" height="${high.toFixed(1)}"/>`;
  });
  const costs = values(cost);
  const place = (value: number, at: number): string =>
    `${middle(at).toFixed(1)},${(panel.height - height(value, costs)).toFixed(1)}`;
  const label = (text: string, at: number, y: number): string =>
    `<text x="${middle(at).toFixed(1)}" y="${y}" text-anchor="middle">${escaped(text)}</text>`;
  return [
    `<text class="title" x="0" y="-24">${escaped(name)}</text>`,
    `<text x="0" y="-8" font-size="10">line: ${escaped(cost ?? '')}; bars: ${escaped(memory ?? '')}</text>`,
    ...bars,
    `<polyline class="cost" points="${costs.map(place).join(' ')}"/>`,
    ...costs.map((value, at) => label(number(value), at, panel.height - 4)),
    ...points.map(({ x }, at) => label(number(x), at, panel.height + 14)),
    label(unit, (points.length - 1) / 2, panel.height + 28),
  ].join('');
}
