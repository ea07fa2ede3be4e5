import { FileError, readBoundedFile } from '../../../base/bounded-file.js';
import { isJsonObject, type JsonValue } from '../../../base/json.js';
import type { LocalSettings } from '../../../config/local-settings.js';
import { createRedactor } from '../../pipeline/redaction/redactor.js';
import { secretFilesOf } from '../../identity/credentials/secret-files.js';

/** Takes secrets out of a text, line by line. */
export type Mask = (text: string) => string;

const mask = '***';
const mostBytes = 65_536;
/** A shorter piece would mask what merely looks like it. */
const shortest = 4;
/** Most of what stands in the place of a setting is a word that was misspelt. */
const shortestHidden = 8;

/**
 * Masks what the secret files of this device hold, in every form in which it might turn up, and beside it whatever looks
 * like a secret. A file that cannot be read here can be in no text that was made here.
 * @param hidden other texts that must not be seen
 */
export async function createMask(
  settings: LocalSettings,
  hidden: readonly string[],
): Promise<Mask> {
  const pieces = new Set(hidden.filter(({ length }) => length >= shortestHidden).flatMap(formsOf));
  for (const path of secretFilesOf(settings)) {
    for (const piece of piecesOf(await contentOf(path))) pieces.add(piece);
  }
  // The longest first, so that no part of one is left standing behind another.
  const needles = [...pieces].sort((a, b) => b.length - a.length);
  const redactor = createRedactor(settings.redactionPatterns);
  return (text) => {
    const withoutKnown = needles.reduce((rest, needle) => rest.replaceAll(needle, mask), text);
    const lines = withoutKnown.split('\n').map((line) => redactor.redact([line]).join(''));
    return shapes.reduce((rest, [pattern, by]) => rest.replace(pattern, by), lines.join('\n'));
  };
}

/** The same value with every text in it masked; names stay. */
export function maskDeep(value: JsonValue, masked: Mask): JsonValue {
  if (typeof value === 'string') return masked(value);
  if (Array.isArray(value)) {
    return (value as readonly JsonValue[]).map((entry) => maskDeep(entry, masked));
  }
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, maskDeep(inner, masked)]);
  return Object.fromEntries(entries) as JsonValue;
}

/** What looks like a secret wherever it stands; each in linear time. */
const shapes: readonly (readonly [RegExp, string])[] = [
  [/(SharedAccessKey(?:Name)?\s{0,8}=\s{0,8})[^;\s"'\\]+/gi, `$1${mask}`],
  [/(SharedAccessSignature[\s=]{1,8})[^\s"'\\]+/gi, `$1${mask}`],
  [/(\bsig=)[^&\s"';\\]+/gi, `$1${mask}`],
  [/(:\/\/)[^\s/@"'\\]{1,512}@/g, `$1${mask}@`],
  [/((?:proxy-)?authorization"?\s{0,8}:\s{0,8}"?)[^\r\n"]+/gi, `$1${mask}`],
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g, mask],
];

async function contentOf(path: string): Promise<Buffer> {
  try {
    return (await readBoundedFile(path, mostBytes)).bytes;
  } catch (error) {
    if (error instanceof FileError) return Buffer.alloc(0);
    throw error;
  }
}

function piecesOf(content: Buffer): readonly string[] {
  const lines = content
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split('\n');
  return (
    lines
      .map((line) => line.trim())
      // What stands around a secret in PEM is none.
      .filter((line) => !/^-----(BEGIN|END) [A-Z ]+-----$/.test(line))
      .flatMap((line) => [line, ...secretParts(line)])
      .filter(({ length }) => length >= shortest)
      .flatMap(formsOf)
  );
}

/** As it is, and as it stands in an address, in JSON and in a header of HTTP. */
function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  // Of half a character, which JSON can hold, there is no such form.
  const address = encodeURIComponent(bytes.toString('utf8'));
  return [
    value,
    address,
    address.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    JSON.stringify(value).slice(1, -1),
    bytes.toString('base64'),
  ];
}

/** The key in a connection string, and the password behind a user's name. */
function secretParts(line: string): readonly string[] {
  const key = /SharedAccessKey=([^;]+)/i.exec(line)?.[1];
  if (key !== undefined) return [key];
  const colon = line.indexOf(':');
  return colon < 0 ? [] : [line.slice(colon + 1)];
}
