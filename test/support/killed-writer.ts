import { writeSync } from 'node:fs';

import { Spool } from '../../agent/spool/spool.js';
import { systemClock } from '../../base/clock.js';

/**
 * Appends numbered events without end, several at a time, and acknowledges every now and then. Says on standard
 * output what was stored (`s`) and what it is about to acknowledge (`a`), until it is killed.
 */
async function main(directory: string, first: number): Promise<void> {
  const spool = await Spool.open({
    directory,
    limitBytes: 64 * 1024 * 1024,
    clock: systemClock,
    lose: (cause, count) => void writeSync(1, `lost ${cause} ${count}\n`),
  });
  for (let number = first; ;) {
    const group = Array.from({ length: 8 }, () => number++);
    await Promise.all(
      group.map(async (each) => {
        const outcome = await spool.append('low', `${each} ${'x'.repeat(each % 900)}`);
        if (outcome === 'stored') writeSync(1, `s ${each}\n`);
      }),
    );
    if (Math.floor(number / 8) % 5 !== 0) continue;
    const [, , third] = await spool.read('low', spool.stats().low.headSequence, 10_000);
    if (third === undefined) continue;
    writeSync(1, `a ${third.json.split(' ')[0] ?? ''}\n`);
    await spool.acknowledge('low', third.sequence);
    writeSync(1, `d ${third.json.split(' ')[0] ?? ''}\n`);
  }
}

void main(process.argv[2] ?? '', Number(process.argv[3]));
