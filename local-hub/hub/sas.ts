import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a token is checked against. */
interface TokenExpectation {
  /** Decoded resource the client asks for: `host/devices/<device>[/modules/<module>]`. */
  readonly resource: string;
  /** Base64 keys, each of which may have signed: primary, then secondary. */
  readonly keys: readonly string[];
  readonly nowMs: number;
  /** What the token has to name as the policy whose key signed; nothing when absent, because a hub has none here. */
  readonly policy?: string;
}

type TokenVerdict = { readonly expiresAtMs: number } | { readonly refused: string };

interface TokenFields {
  /** The resource exactly as sent, still percent-encoded: this text is what was signed. */
  readonly rawResource: string;
  readonly signature: Buffer;
  readonly rawExpiry: string;
  /** The policy of the hub whose key is said to have signed; empty for the key of the identity itself. */
  readonly policy: string;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function parseToken(token: string): TokenFields | undefined {
  const prefix = 'SharedAccessSignature ';
  if (!token.startsWith(prefix)) return undefined;
  const fields = new Map<string, string>();
  for (const field of token.slice(prefix.length).split('&')) {
    const equals = field.indexOf('=');
    if (equals <= 0 || fields.has(field.slice(0, equals))) return undefined;
    fields.set(field.slice(0, equals), field.slice(equals + 1));
  }
  const rawResource = fields.get('sr');
  const rawExpiry = fields.get('se');
  const signature = decode(fields.get('sig') ?? '');
  if (rawResource === undefined || rawExpiry === undefined || !signature) return undefined;
  if (!/^\d{1,12}$/.test(rawExpiry)) return undefined;
  const policy = decode(fields.get('skn') ?? '');
  if (policy === undefined) return undefined;
  return { rawResource, rawExpiry, policy, signature: Buffer.from(signature, 'base64') };
}

/** By whole URI segments: `/a/b` covers `/a/b/c` and not `/a/bc`. Host names ignore case, ids do not. */
export function resourceCovers(scope: string, resource: string): boolean {
  const [scopeHost = '', ...scopePath] = scope.replace(/\/$/, '').split('/');
  const [host = '', ...path] = resource.split('/');
  return (
    scopeHost.toLowerCase() === host.toLowerCase() &&
    scopePath.every((segment, index) => segment === path[index])
  );
}

function signedBy(key: string, fields: TokenFields): boolean {
  const expected = createHmac('sha256', Buffer.from(key, 'base64'))
    .update(`${fields.rawResource}\n${fields.rawExpiry}`)
    .digest();
  return fields.signature.length === expected.length && timingSafeEqual(fields.signature, expected);
}

/**
 * Checks a shared access signature (message contract of IoT Hub: `sr`, `sig`, `se` in any order, and `skn`). The signature is
 * verified over the resource text as it was sent, because clients differ in how they percent-encode it.
 */
export function checkToken(token: string, expected: TokenExpectation): TokenVerdict {
  const fields = parseToken(token);
  if (fields === undefined) return { refused: 'the password is not a shared access signature' };
  const scope = decode(fields.rawResource);
  if (scope === undefined || !resourceCovers(scope, expected.resource)) {
    return { refused: `the token is not for ${expected.resource}` };
  }
  const { policy = '' } = expected;
  if (fields.policy !== policy) {
    return { refused: `the token names the policy '${fields.policy}' instead of '${policy}'` };
  }
  if (!expected.keys.some((key) => signedBy(key, fields))) {
    return { refused: 'the token is signed with neither the primary nor the secondary key' };
  }
  const expiresAtMs = Number(fields.rawExpiry) * 1000;
  if (expiresAtMs <= expected.nowMs) {
    return { refused: `the token expired at ${new Date(expiresAtMs).toISOString()}` };
  }
  return { expiresAtMs };
}
