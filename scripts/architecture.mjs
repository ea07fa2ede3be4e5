// docs/architecture.svg: the way of an event, and the folders in their order, drawn from scripts/layers.mjs.
import { layers } from './layers.mjs';

const width = 960;
const margin = 16;
const boxHeight = 26;
const gap = 8;
const letterWidth = 7.6;

/** The way of an event; what is no folder is outside of the product. */
const way = [
  ['Linux kernel', '/proc'],
  ['collectors/kernel', 'reads, parses'],
  ['collectors', 'one payload'],
  ['agent/runner', 'on, off, retry'],
  ['agent/pipeline', 'masks, counts'],
  ['agent/spool', 'journals'],
  ['agent/uplink', 'batches'],
  ['agent/hub', 'acknowledged?'],
  ['Azure IoT Hub', 'twin, routes'],
];

const bands = [
  ['what everything stands on', ['base', 'contract', 'config']],
  ['what is observed', ['collectors']],
  ['what is judged', ['detection']],
  ['what runs', ['agent']],
  ['what runs programs, in a process of its own', ['inventory']],
  ['the stand-in hub, never shipped', ['local-hub']],
];

const escape = (text) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);

function box(x, y, boxWidth, text, { below, kind = 'folder' } = {}) {
  const height = below === undefined ? boxHeight : boxHeight + 18;
  const middle = x + boxWidth / 2;
  return [
    `<rect class="${kind}" x="${x}" y="${y}" width="${boxWidth}" height="${height}" rx="4"/>`,
    `<text x="${middle}" y="${y + 17}" text-anchor="middle">${escape(text)}</text>`,
    ...(below === undefined
      ? []
      : [
          `<text class="small" x="${middle}" y="${y + 35}" text-anchor="middle">${escape(below)}</text>`,
        ]),
  ];
}

/** The way in one line, from left to right. */
function wayOfAnEvent(y) {
  const boxWidth = (width - 2 * margin - (way.length - 1) * 12) / way.length;
  const lines = [];
  way.forEach(([name, below], index) => {
    const isFolder = layers.some((layer) => layer === name || layer.startsWith(`${name}/`));
    const isEnd = index === 0 || index === way.length - 1;
    if (!isFolder && !isEnd) throw new Error(`${name} is no folder of scripts/layers.mjs.`);
    const x = Math.round(margin + index * (boxWidth + 12));
    const text = isFolder && name.includes('/') ? name.slice(name.indexOf('/') + 1) : name;
    const kind = isEnd ? 'world' : 'folder';
    lines.push(...box(x, y, Math.round(boxWidth), text, { below, kind }));
    if (index > 0)
      lines.push(`<path class="arrow" d="M${x - 12} ${y + 22} h8" marker-end="url(#head)"/>`);
  });
  return lines;
}

/** Folders in rows, in their order. */
function band(title, folders, top) {
  const lines = [`<text class="title" x="${margin}" y="${top + 12}">${escape(title)}</text>`];
  let [x, y] = [margin, top + 20];
  for (const folder of folders) {
    const boxWidth = Math.round(folder.length * letterWidth + 16);
    if (x + boxWidth > width - margin) [x, y] = [margin, y + boxHeight + gap];
    lines.push(...box(x, y, boxWidth, folder));
    x += boxWidth + gap;
  }
  return { lines, bottom: y + boxHeight };
}

/** The picture. Each folder imports only from those before it: read the lower part from left to right, line by line. */
export function architectureSvg() {
  const lines = [...wayOfAnEvent(margin)];
  let y = margin + 70;
  for (const [title, tops] of bands) {
    const folders = layers.filter((layer) => tops.includes(layer.split('/')[0]));
    const drawn = band(title, folders, y);
    lines.push(...drawn.lines);
    y = drawn.bottom + 18;
  }
  lines.push(
    `<text class="small" x="${margin}" y="${y + 6}">A folder imports only from those before it; the stand-in hub and the inventory are imported by none.</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 20}" font-family="system-ui, sans-serif" font-size="13" fill="#1f2933">
<title>The way of an event, and the folders in their order</title>
<style>rect{fill:#eef4fb;stroke:#7b9cc4}rect.world{fill:#f6f1e7;stroke:#b59b66}.small{font-size:11px;fill:#52606d}.title{font-size:12px;font-weight:600;fill:#52606d}.arrow{stroke:#52606d;fill:none}</style>
<defs><marker id="head" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6" orient="auto"><path d="M0 0 6 3 0 6z" fill="#52606d"/></marker></defs>
<rect x="0" y="0" width="${width}" height="${y + 20}" style="fill:#ffffff;stroke:none"/>
${lines.join('\n')}
</svg>
`;
}
