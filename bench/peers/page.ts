import type { Curve, Measured, Result } from './result.js';
import type { Spread } from './statistics.js';

/** Figures of three digits, thousands parted. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const digits = Math.abs(value) < 10 ? 1 : 0;
  return value.toLocaleString('en-US', {
    minimumFractionDigits: 0,
    maximumFractionDigits: digits,
  });
}

const megabytes = (kilobytes: number): string => number(kilobytes / 1024);

/** The median, and in how far the rounds differ. */
function withSpread(of: Spread | undefined, tell = number): string {
  if (of === undefined) return '–';
  const [middle, least, most] = [of.median, of.least, of.most].map(tell);
  return least === most ? (middle ?? '') : `${middle} (${least}–${most})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    line(head.map((_, at) => (at === 0 ? '---' : '--:'))),
    ...rows.map(line),
  ].join('\n');
}

const median = ({ figures }: Measured, name: string): number => figures[name]?.median ?? NaN;

/** A figure beside that of another watcher in the same run. */
export function ratio(result: Result, name: string, of: string, to: string): number {
  const [one, other] = [of, to].map((wanted) =>
    result.watchers.find((watcher) => watcher.name === wanted),
  );
  if (one === undefined || other === undefined) return NaN;
  return median(one, name) / median(other, name);
}

const times = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(2)} ×` : '–');

const percent = (share: number): string =>
  Number.isFinite(share) ? `${(share * 100).toFixed(0)} %` : '–';

function costs(result: Result): string {
  const rows = result.watchers
    .filter(({ name, unavailable }) => name !== 'untraced' && unavailable === undefined)
    .map((watcher) => {
      const { name, title, figures } = watcher;
      const calls = median(watcher, 'callNs') - ofUntraced(result, 'callNs');
      return [
        title,
        withSpread(figures['execCpuUs']),
        times(ratio(result, 'execCpuUs', name, 'auditd-laurel')),
        percent(median(watcher, 'execSystemUs') / median(watcher, 'execCpuUs')),
        number(median(watcher, 'execKernelThreadUs')),
        number(median(watcher, 'execWorkloadCpuUs') - ofUntraced(result, 'execWorkloadCpuUs')),
        withSpread(figures['connectionCpuUs']),
        times(median(watcher, 'connectionCpuUs') / median(watcher, 'execCpuUs')),
        times(ratio(result, 'execWallUs', name, 'untraced')),
        times(ratio(result, 'execWallUs', name, 'discard')),
        number(Math.max(0, calls)),
      ];
    });
  return table(
    [
      'Watcher',
      'µs an exec',
      'of auditd with laurel',
      'in the kernel',
      'µs in kauditd',
      'µs more in the workload',
      'µs a connection',
      'connection to exec',
      'workload slowed',
      'of the rules alone',
      'ns on each call',
    ],
    rows,
  );
}

const ofUntraced = (result: Result, name: string): number => {
  const found = result.watchers.find((watcher) => watcher.name === 'untraced');
  return found === undefined ? NaN : median(found, name);
};

function memory(result: Result): string {
  const bare = result.bareNode['idleProportionalKb'] ?? NaN;
  const rows = result.watchers
    .filter(({ figures }) => figures['idleResidentKb'] !== undefined)
    .map((watcher) => {
      const of = (name: string): string => withSpread(watcher.figures[name], megabytes);
      const { figures, title, name } = watcher;
      return [
        title,
        of('idleResidentKb'),
        of('idleProportionalKb'),
        of('idlePrivateKb'),
        of('peakResidentKb'),
        of('peakAnonymousKb'),
        name.startsWith('agent')
          ? times(
              (figures['peakResidentKb']?.median ?? NaN) /
                (result.bareNode['idleResidentKb'] ?? bare),
            )
          : '',
      ];
    });
  return table(
    ['MB', 'resident', 'PSS', 'private', 'peak', 'peak anonymous', 'peak to bare node'],
    rows,
  );
}

function delivery(result: Result): string {
  const rows = result.watchers
    .filter(({ figures }) => figures['execMissed'] !== undefined)
    .map(({ title, figures }) => {
      const of = (name: string): string => withSpread(figures[name]);
      const pair = (name: string): string =>
        figures[`${name}P50Ms`] === undefined
          ? '–'
          : `${number(figures[`${name}P50Ms`]?.median ?? NaN)} / ${number(figures[`${name}P99Ms`]?.median ?? NaN)}`;
      return [
        title,
        of('execMissed'),
        of('execTwice'),
        of('endsMissed'),
        of('execRecordsLost'),
        pair('written'),
        pair('hub'),
        of('execWrittenBytes'),
        title.startsWith('agent') ? of('execSentBytes') : '–',
        title.startsWith('agent')
          ? number(((figures['execUnits']?.median ?? NaN) / result.amount.programs) * 1000)
          : '–',
      ];
    });
  return table(
    [
      'Watcher',
      'execs missed',
      'told twice',
      'ends of connections missed',
      'records lost by the kernel',
      'ms to disk p50 / p99',
      'ms to hub p50 / p99',
      'bytes written an exec',
      'bytes sent an exec',
      'units of 4 KB for 1,000 execs',
    ],
    rows,
  );
}

function curve({ title, unit, points }: Curve): string {
  const names = [...new Set(points.flatMap(({ figures }) => Object.keys(figures)))];
  const rows = points.map(({ x, figures }) => [
    number(x),
    ...names.map((name) => (figures[name] === undefined ? '–' : number(figures[name]))),
  ]);
  return `**${title}**\n\n${table([unit, ...names], rows)}`;
}

function profiles({ profiles: all }: Result): string {
  const parts = [...new Set(all.flatMap((profile) => profile.parts.map(({ part }) => part)))];
  return table(
    ['µs an exec', ...all.map(({ title }) => title)],
    parts.map((part) => [
      part,
      ...all.map((profile) => {
        const us = profile.parts.find((each) => each.part === part)?.us;
        return us === undefined ? '–' : number(us);
      }),
    ]),
  );
}

/** What of a board is left to programs beside the system and what it is for, as a share of its memory. */
const share = 0.5;
const boards = [64, 128, 256, 512, 1024];

/** Which board is too small, in words; nothing when an agent as installed was not measured. */
function board({ watchers, bareNode }: Result): string {
  const figures = watchers.find(({ name }) => name === 'agent-whole-aggregated')?.figures;
  const [idle, own, peak] = ['idleResidentKb', 'idlePrivateKb', 'peakResidentKb'].map(
    (name) => (figures?.[name]?.median ?? NaN) / 1024,
  );
  if (idle === undefined || own === undefined || !Number.isFinite(peak) || peak === undefined)
    return 'Not measured in this run.';
  const bare = (bareNode['idleResidentKb'] ?? NaN) / 1024;
  const enough = boards.find((size) => size * share >= peak) ?? Infinity;
  const small = boards.filter((size) => size < peak);
  const between = boards.filter((size) => size >= peak && size < enough);
  return [
    `An agent as installed has ${number(idle)} MB resident at rest, ${number(own)} of them its own, and ${number(peak)} at the most in this storm; ${number(bare)} MB of that any program of Node takes.`,
    small.length === 0
      ? ''
      : `Too small is a board with ${small.join(' or ')} MB of memory: the agent alone would not fit into it in a storm.`,
    between.length === 0
      ? ''
      : `With ${between.join(' or ')} MB it fits only where everything else leaves ${number(peak)} MB free, which a system with a desktop, containers or another program of Node does not; there \`free -m\` has to be asked first.`,
    `From ${enough} MB on there is room for it where half of the memory is free.`,
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

const absent = ({ watchers }: Result): string =>
  watchers
    .filter(({ unavailable }) => unavailable !== undefined)
    .map(({ title, unavailable }) => `- ${title}: not available: ${unavailable}`)
    .join('\n');

/** What stands in the page for each place `<!-- name -->` … `<!-- /name -->`. */
export function sections(result: Result): Readonly<Record<string, string>> {
  const { rounds, amount, machine, date, commit, quick, note } = result;
  const where = Object.values(machine).join(', ');
  return {
    run: `Measured on ${date} at \`${commit}\` with \`npm run bench -- --peers${quick ? ' --quick' : ''}\`, in ${rounds} rounds in turns, each with ${number(amount.programs)} programs and ${number(amount.connections)} connections flat out; ${where}. Shown are medians, and in brackets the least and the most of the rounds.${note === undefined ? '' : ` ${note}`}`,
    costs: [costs(result), absent(result)].filter((text) => text !== '').join('\n\n'),
    memory: memory(result),
    delivery: delivery(result),
    board: board(result),
    curves:
      result.curves.length === 0
        ? 'Not measured in this run.'
        : result.curves.map(curve).join('\n\n'),
    profile: result.profiles.length === 0 ? 'Not measured in this run.' : profiles(result),
  };
}

/** The page with its sections written anew; throws when the page has no place for one. */
export function pageWith(page: string, result: Result): string {
  return Object.entries(sections(result)).reduce((text, [name, section]) => {
    const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
    if (!place.test(text)) throw new Error(`docs/performance.md has no place for "${name}".`);
    return text.replace(
      place,
      (_, before: string, after: string) => `${before}\n${section}\n\n${after}`,
    );
  }, page);
}
