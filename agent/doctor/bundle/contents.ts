import type { JsonValue } from '../../../base/json.js';
import { printable } from '../../../base/text.js';
import { utcText } from '../../../base/timestamps.js';
import { version } from '../../../base/version.js';
import type { Paths } from '../../../collectors/kernel/paths.js';
import { readText } from '../read-text.js';
import { prometheusText } from '../../status/metrics.js';
import type { Examination } from '../examination.js';
import { maskDeep, type Mask } from './secret-mask.js';
import type { ArchiveEntry } from './tar.js';

/** The most bytes that one file of the archive may have, and all of them. */
const mostFileBytes = 262_144;
const mostBytes = 2 * 1_048_576;

/** What of the agent's process and of the kernel a report of a defect is judged by. None of them tells of other programs. */
const processFiles = ['status', 'limits', 'cgroup', 'mountinfo', 'oom_score', 'io'];
const systemFiles = [
  'cmdline',
  'loadavg',
  'meminfo',
  'pressure/cpu',
  'pressure/io',
  'pressure/memory',
  'uptime',
  'version',
];

interface ContentOptions {
  readonly examination: Examination;
  /** What `doctor --json` prints. */
  readonly rows: JsonValue;
  /** The local file, as far as it may be shown. */
  readonly settings: JsonValue;
  readonly mask: Mask;
  readonly paths: Paths;
  readonly wallMs: number;
}

/** The files of a support archive: each bounded, readable as text, and without a secret. */
export function bundleContents(options: ContentOptions): readonly ArchiveEntry[] {
  const { examination, mask, paths, rows, settings, wallMs } = options;
  const { answer } = examination;
  const json = (value: JsonValue): string => `${JSON.stringify(maskDeep(value, mask), null, 2)}\n`;
  const masked = (path: string): string | undefined => {
    const text = readText(path);
    return text === undefined ? undefined : mask(text);
  };
  const texts: [string, string | undefined][] = [
    ['README.txt', readme(wallMs)],
    ['doctor.json', json(rows)],
    ['status.json', json(answer as unknown as JsonValue)],
    ['agent.json', json(settings)],
    ['metrics.prom', 'agent' in answer ? mask(prometheusText(answer)) : undefined],
    ['versions.json', versions()],
    ['os-release', masked(`${paths.etcRoot}/os-release`)],
  ];
  for (const name of systemFiles) texts.push([`proc/${name}`, masked(`${paths.procRoot}/${name}`)]);
  if ('agent' in answer) {
    for (const name of processFiles) {
      const path = `${paths.procRoot}/${answer.agent.pid}/${name}`;
      texts.push([`proc/agent/${name}`, masked(path)]);
    }
  }
  let room = mostBytes;
  const entries: ArchiveEntry[] = [];
  for (const [name, text] of texts) {
    if (text === undefined) continue;
    const content = bounded(plain(text), Math.min(mostFileBytes, room));
    room -= content.length;
    entries.push({ name: `iot-security-agent/${name}`, content });
  }
  return entries;
}

function versions(): string {
  const { arch, version: node, versions: parts } = process;
  return `${JSON.stringify({ agent: version, node, arch, parts }, null, 2)}\n`;
}

/** Nothing that moves a cursor or forges a line: whoever reads the archive has a terminal. */
const plain = (text: string): string => text.replace(/[^\n\t]+/g, (part) => printable(part));

function bounded(text: string, most: number): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return bytes;
  const note = Buffer.from(`\n[cut: it has ${bytes.length} bytes]\n`);
  return most < note.length
    ? Buffer.alloc(0)
    : Buffer.concat([bytes.subarray(0, most - note.length), note]);
}

function readme(wallMs: number): string {
  return `What doctor of iot-security-agent ${version} found on ${utcText(wallMs)}.

doctor.json    its findings
status.json    what the running agent says of itself, or why it does not
agent.json     the local configuration, of which nothing is shown that no setting takes
metrics.prom   the same as status.json, for Prometheus; absent where no agent runs
versions.json  of the agent and of Node
os-release     the distribution
proc/          of the kernel, and of the agent's process where one runs

Keys, connection strings, tokens and passwords are masked (***), and no event is in it. Names of the device, of the hub and of
directories are. Look through it before you give it away.

The log of the agent is not in it, because doctor starts no program. Add it by yourself:

  journalctl -u iot-security-agent --since "2 days ago" -o short-iso > journal.txt

What the device keeps of logins, changes and alerts is not in it either, because it tells of persons. Where it matters:

  iot-security-agent history --since P2D --json > history.jsonl
`;
}
