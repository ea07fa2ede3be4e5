import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventValue, SigmaEvent } from '../../detection/engine/event-view.js';

/** A started program, and how often it was. */
export interface Sample {
  readonly fields: Readonly<Record<string, EventValue>>;
  readonly count: number;
  /** Of an attack its technique. */
  readonly technique?: string;
}

const unescaped = (text: string): string =>
  text.replace(/\\([ntr\\])/g, (_, letter: string) =>
    letter === 'n' ? '\n' : letter === 't' ? '\t' : letter === 'r' ? '\r' : '\\',
  );

const lines = (directory: string, name: string): readonly string[] =>
  readFileSync(join(directory, name), 'utf8').split('\n').filter(Boolean);

/**
 * Programs that were started by installing, upgrading and removing packages, by builds, by cron, and by administration, as
 * strace recorded them. Of commands that differ in numbers, paths and options alone there is one, which counts for all.
 */
export function benignSamples(directory: string): readonly Sample[] {
  const parents = new Map<string, Readonly<Record<string, EventValue>>>();
  const samples: Sample[] = [];
  for (const line of lines(directory, 'benign.tsv')) {
    const [first = '', second = '', third = '', fourth = ''] = line.split('\t');
    if (first === 'P')
      parents.set(second, {
        ...(third !== '' && { ParentImage: third }),
        ...(fourth !== '' && { ParentCommandLine: unescaped(fourth) }),
      });
    else if (!first.startsWith('#'))
      samples.push({
        count: Number(first),
        fields: { Image: second, CommandLine: unescaped(fourth), ...parents.get(third) },
      });
  }
  return samples;
}

/** Command lines of attacks, as they are typed, under their techniques; those for `sh -c` begin with `! `. */
export function attackSamples(directory: string): readonly Sample[] {
  let technique = '';
  return lines(directory, 'attacks.txt').flatMap((line): Sample[] => {
    if (line.startsWith('# ')) {
      technique = line.slice(2);
      return [];
    }
    return expanded(line).map((text) => ({
      technique,
      count: 1,
      fields: text.startsWith('! ') ? shell(text.slice(2)) : typed(text),
    }));
  });
}

/** Each `<<a|b|c>>` of a line is one of the three. */
function expanded(line: string): readonly string[] {
  const found = /<<((?:(?!<<|>>).)*)>>/.exec(line);
  if (found === null) return [line];
  const [whole, inner = ''] = found;
  return inner
    .split('|')
    .flatMap((one) =>
      expanded(line.slice(0, found.index) + one + line.slice(found.index + whole.length)),
    );
}

const shell = (script: string): Sample['fields'] => ({
  Image: ['/usr/bin/dash', '/bin/sh'],
  CommandLine: `sh -c ${unescaped(script)}`,
});

function typed(line: string): Sample['fields'] {
  const [name = ''] = line.split(' ');
  return { Image: name.startsWith('/') ? name : `/usr/bin/${name}`, CommandLine: unescaped(line) };
}

/** The same on a system whose programs are BusyBox. */
export const onBusyBox = ({ fields, ...sample }: Sample): Sample => ({
  ...sample,
  fields: { ...fields, Image: '/bin/busybox' },
});

/** The same, given to a shell as its script. */
export const wrapped = ({ fields, ...sample }: Sample): Sample => ({
  ...sample,
  fields: { ...fields, ...shell(String(fields['CommandLine'])) },
});

export const eventOf = ({ fields }: Sample): SigmaEvent => ({
  logsource: { category: 'process_creation', product: 'linux' },
  fields,
  timeMs: 0,
});
