// node bench/replay.mjs [MEGABYTES]: replays a generated audit log (1,100 MB unless told otherwise) with the built
// agent (npm run build) and prints its resident memory over the log, which does not grow with it.
import { spawn } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cases = join(root, 'test', 'collectors', 'kernel', 'audit', 'cases');
const megabyte = 1024 * 1024;

/**
 * Writes a log of about `megabytes`: the captured logs of several distributions again and again, each time with other
 * serials, pids and sessions and a second later, so that whatever is remembered of a process is another one's.
 */
export function writeAuditLog(path, megabytes) {
  const lines = readdirSync(cases)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .flatMap((name) => readFileSync(join(cases, name), 'utf8').split('\n'))
    .filter((line) => line.includes('msg=audit('));
  const serialOf = new Map();
  for (const line of lines) {
    const [id] = /audit\([^)]*\)/.exec(line) ?? [''];
    if (!serialOf.has(id)) serialOf.set(id, serialOf.size);
  }
  const file = openSync(path, 'w');
  let bytes = 0;
  for (let round = 0; bytes < megabytes * megabyte; round++) {
    const seconds = 1_700_000_000 + round;
    const text = lines
      .map((line) =>
        line
          .replace(/audit\([^)]*\)/, (id) => {
            const serial = serialOf.get(id);
            const milliseconds = String(Math.floor((serial * 1000) / serialOf.size));
            const number = round * serialOf.size + serial + 1;
            return `audit(${seconds}.${milliseconds.padStart(3, '0')}:${number})`;
          })
          .replace(/\b(pid|ppid)=(\d+)/g, (_, key, pid) => `${key}=${(pid * 7 + round) % 4194304}`)
          .replace(/\bses=(\d{1,8})\b/g, () => `ses=${round + 1}`),
      )
      .join('\n');
    bytes += writeSync(file, `${text}\n`);
  }
  closeSync(file);
  return bytes;
}

/** Replays the log; resolves with samples of the bytes that were read and the bytes that were resident then. */
export function measureReplay(log, { everyMs = 250 } = {}) {
  const bundle = join(root, 'dist', 'iot-security-agent.cjs');
  const child = spawn(process.execPath, [bundle, 'replay', log], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const samples = [];
  return new Promise((resolve, reject) => {
    let timer;
    const look = () => {
      try {
        const [, read] = /^rchar: (\d+)/m.exec(readFileSync(`/proc/${child.pid}/io`, 'utf8')) ?? [];
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        const [, resident] = /^VmRSS:\s+(\d+) kB/m.exec(status) ?? [];
        if (resident !== undefined)
          samples.push({ readBytes: Number(read), residentBytes: Number(resident) * 1024 });
      } catch {
        // It ends at any time.
      }
      timer = setTimeout(look, everyMs);
    };
    look();
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(samples);
      else reject(new Error(`replay ended with ${code}.`));
    });
  });
}

/** The largest resident bytes between two shares of the log. */
export function largestResident(samples, bytes, from, to) {
  const within = samples.filter(
    ({ readBytes }) => readBytes >= from * bytes && readBytes <= to * bytes + megabyte * 16,
  );
  return Math.max(...within.map(({ residentBytes }) => residentBytes));
}

async function main() {
  const megabytes = Number(process.argv[2] ?? 1100);
  const directory = mkdtempSync(join(tmpdir(), 'replay-bench-'));
  try {
    const log = join(directory, 'audit.log');
    const bytes = writeAuditLog(log, megabytes);
    const startedMs = performance.now();
    const samples = await measureReplay(log);
    const seconds = (performance.now() - startedMs) / 1000;
    const inMegabytes = (value) => (value / megabyte).toFixed(0);
    console.log(
      `${inMegabytes(bytes)} MB in ${seconds.toFixed(0)} s, ${inMegabytes(bytes / seconds)} MB/s`,
    );
    for (let tenth = 0; tenth < 10; tenth++) {
      const resident = largestResident(samples, bytes, tenth / 10, (tenth + 1) / 10);
      console.log(
        `${tenth * 10}-${(tenth + 1) * 10} % of the log: ${inMegabytes(resident)} MB resident at most`,
      );
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
