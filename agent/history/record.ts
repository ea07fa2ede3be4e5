/**
 * What became of an event: the hub acknowledged it, or it was given up. Written as one character before the event, which
 * is kept as it was sent.
 */
const marks = { sent: '+', neverSent: '-' } as const;

export type Fate = keyof typeof marks;

export function encodeKept(json: string, fate: Fate): Buffer {
  return Buffer.from(marks[fate] + json, 'utf8');
}

/** Undefined for what no version of the agent wrote. */
export function decodeKept(body: Buffer): { json: string; fate: Fate } | undefined {
  const text = body.toString('utf8');
  const fate = (Object.keys(marks) as Fate[]).find((name) => marks[name] === text[0]);
  return fate === undefined ? undefined : { json: text.slice(1), fate };
}
