import type { FactContext, SubjectReader } from './fact-reader.js';
import { found, type Reading } from './reading.js';

/** A way to a shell without a password that a configuration opens: where it is written, and what it does. */
export interface OpenConsole {
  readonly where: string;
  readonly what: 'logs somebody in' | 'starts a shell';
}

const unitDirectories = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];
const mostUnits = 64;

/** `agetty --autologin USER`, `agetty -a USER`, and BusyBox's or util-linux' `getty -n -l PROGRAM`. */
const logsIn =
  /getty\b[^\n]*\s(?:--autologin(?:[= ]|$)|-[a-zA-Z]*a\s|--skip-login\b|-[a-zA-Z]*n\b)/;
const isShell = /^-?(?:\/usr)?(?:\/bin\/)?(?:ba|da|a|z)?sh\b/;

/** Lines `id:runlevels:action:process` of inittab(5), of sysvinit and BusyBox alike. */
export function parseInittab(text: string): OpenConsole['what'][] {
  return text.split('\n').flatMap((line): OpenConsole['what'][] => {
    const [id = '', , action = '', ...rest] = line.split(':');
    const process = rest.join(':').trim();
    if (id.trimStart().startsWith('#') || !/^(respawn|askfirst|wait|once)$/.test(action.trim()))
      return [];
    if (logsIn.test(process)) return ['logs somebody in'];
    return isShell.test(process) && !/\s(\/|-c\b)/.test(process) ? ['starts a shell'] : [];
  });
}

/** The last start command of a unit or of its drop-in (systemd.service(5)); `ExecStart=` takes back those before. */
export function parseGettyUnit(text: string): OpenConsole['what'][] {
  const commands: string[] = [];
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [, command] = /^\s*ExecStart\s*=\s*(.*)$/.exec(line) ?? [];
    if (command === '') commands.length = 0;
    else if (command !== undefined) commands.push(command.replace(/^[-@:+!]*/, ''));
  }
  return commands.flatMap((command): OpenConsole['what'][] => {
    if (logsIn.test(command)) return ['logs somebody in'];
    return isShell.test(command) ? ['starts a shell'] : [];
  });
}

export const readConsoles: SubjectReader<readonly OpenConsole[]> = async (context) => {
  const { files } = context;
  const paths: string[] = [];
  for (const directory of unitDirectories) {
    const names = await files.names(directory);
    if ('unreadable' in names) return names;
    for (const name of 'value' in names ? names.value : []) {
      if (!/getty[\w@.-]*\.service(\.d)?$/.test(name)) continue;
      const at = `${directory}/${name}`;
      const dropIns = name.endsWith('.d') ? await files.names(at) : undefined;
      if (dropIns === undefined) paths.push(at);
      else if ('value' in dropIns) paths.push(...dropIns.value.map((file) => `${at}/${file}`));
    }
  }
  const consoles: OpenConsole[] = [];
  for (const path of [...new Set(paths)].slice(0, mostUnits)) {
    const opened = await openedBy(path, parseGettyUnit, context);
    // A unit may be a link to a directory, or gone.
    if ('value' in opened) consoles.push(...opened.value);
  }
  const inittab = await openedBy('/etc/inittab', parseInittab, context);
  if ('unreadable' in inittab) return inittab;
  return found('value' in inittab ? [...consoles, ...inittab.value] : consoles);
};

async function openedBy(
  path: string,
  parse: (text: string) => OpenConsole['what'][],
  { files }: FactContext,
): Promise<Reading<OpenConsole[]>> {
  const text = await files.text(path);
  return 'value' in text ? found(parse(text.value).map((what) => ({ where: path, what }))) : text;
}
