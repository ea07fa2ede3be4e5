/** The UTF-16 of a UTF-8 text, little-endian. */
export const utf16le = (bytes: Buffer): Buffer => Buffer.from(bytes.toString('utf8'), 'utf16le');
export const utf16be = (bytes: Buffer): Buffer => utf16le(bytes).swap16();
/** With a byte order mark before it. */
export const utf16 = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0xff, 0xfe]), utf16le(bytes)]);

/** Characters of Base64 at the beginning that depend on bytes before the value, by how many those are. */
const dependsOnBefore = [0, 2, 3] as const;
/** And at the end on bytes after it, by what the whole length leaves over. */
const dependsOnAfter = [0, 3, 2] as const;

/**
 * The three forms that bytes may have in the Base64 of something longer, by their place modulo 3 in it: each without the
 * characters at its ends that depend on the neighbours.
 */
export function base64Offsets(bytes: Buffer): readonly string[] {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const cut = dependsOnAfter[(bytes.length + before) % 3] ?? 0;
    return text.slice(dependsOnBefore[before] ?? 0, text.length - cut);
  });
}

const dashes = ['-', '/', '\u2013', '\u2014', '\u2015'];
const flagDash = /(?<![\p{L}\p{N}_])[-/\u2013\u2014\u2015](?=[\p{L}\p{N}_])/gu;

/**
 * Every form of a value in which the mark before an option is another dash or a slash. A mark counts that begins a word:
 * the hyphen inside of a name stays.
 * @returns undefined when there would be more than `most`
 */
export function dashForms(value: string, most: number): readonly string[] | undefined {
  const places = [...value.matchAll(flagDash)].map((match) => match.index);
  if (dashes.length ** places.length > most) return undefined;
  let forms = [value];
  for (const place of places) {
    forms = forms.flatMap((form) =>
      dashes.map((dash) => `${form.slice(0, place)}${dash}${form.slice(place + 1)}`),
    );
  }
  return forms;
}
