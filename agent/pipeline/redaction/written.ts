import type { Reads } from './program.js';
import { isReference, secretNameKind } from './secret-names.js';
import type { ShellCommand } from './shell.js';
import type { Span } from './spans.js';

/** A secret within a word; the places are those of its value. */
interface WrittenSecret extends Span {
  readonly word: number;
}

const endingEscapes = /(?:\\[nrt0c])+$/;

/**
 * The secrets in what `echo` or `printf` writes for a program that reads some; none when the command is another one.
 */
export function writtenSecrets(command: ShellCommand, what: Reads['what']): WrittenSecret[] {
  const { words } = command;
  let first = words.findIndex(({ value }) => !/^\w+=/.test(value));
  while (/^(?:sudo|command|builtin|busybox|exec)$/.test(words[first]?.value ?? '')) first++;
  const program = (words[first]?.value ?? '').replace(/^.*\//s, '');
  if (program !== 'echo' && program !== 'printf' && program !== 'print' && program !== 'yes')
    return [];
  let from = first + 1;
  while (/^-[neE]+$|^--$/.test(words[from]?.value ?? '')) from++;
  const hasFormat =
    program === 'printf' && /%[^%]/.test(words[from]?.value ?? '') && from + 1 < words.length;
  if (hasFormat) from++;
  const secrets: WrittenSecret[] = [];
  for (let word = from; word < words.length; word++) {
    const { value, expands } = words[word] ?? { value: '', expands: false };
    if (value === '' || (expands && isReference(value))) continue;
    const isUser =
      what === 'pairs' &&
      hasFormat &&
      word === from &&
      word + 1 < words.length &&
      !value.includes(':');
    if (isUser) continue;
    for (const span of secretsOfText(value, what, expands)) secrets.push({ word, ...span });
  }
  return secrets;
}

/** Of each line all, or what stands behind the first colon. */
export function secretsOfText(text: string, what: Reads['what'], expands: boolean): Span[] {
  const spans: Span[] = [];
  const line = /\\n|(?:[^\n\\]|\\(?!n))+/g;
  for (let found = line.exec(text); found !== null; found = line.exec(text)) {
    if (found[0] === '\\n') continue;
    const value = found[0].replace(endingEscapes, '');
    const colon = what === 'pairs' ? value.indexOf(':') + 1 : 0;
    const secret = value.slice(colon);
    if (secret.trim() === '' || (expands && isReference(secret))) continue;
    spans.push({ start: found.index + colon, end: found.index + value.length });
  }
  return spans;
}

/** Whether the name of a file says that a secret is in it: `db_password`, `private.key`, but not `/etc/passwd`. */
export function isSecretFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === 'passwd' || name === 'passwd-' || name.length > 96) return false;
  if (/^\.?(?:pgpass|git-credentials|vault[-_]pass|wpa_psk|chap-secrets|pap-secrets)$/i.test(name))
    return true;
  const kind = secretNameKind(name.replace(/^\.|\.(?:txt|conf|env|dat)$/g, ''));
  return kind === 'secret' || kind === 'text';
}
