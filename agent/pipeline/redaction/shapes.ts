import { isSecretValue, looksRandom, secretNameKind } from './secret-names.js';
import type { Span } from './spans.js';

/** A secret that is known by how it looks or by what stands around it, wherever it is in a text. */
interface Shape {
  /** The text has this in it, or the expression is not tried. */
  readonly hint: RegExp | string;
  /** The group `secret` is masked, and the group `name` has to name one. With the flags `g` and `d`. */
  readonly pattern: RegExp;
  readonly isRandom?: true;
}

const tokenPrefixes =
  'gh[pousr]_|github_pat_|gl(?:pat|dt|rt|cbt|ptt|ft|soat)-|xox[abeprs]-|xapp-|npm_|pypi-|hf_|dop_v1_|doo_v1_|dckr_pat_|shp(?:at|ca|pa|ss)_|sk_live_|sk_test_|rk_live_|whsec_|sk-|hvs\\.|hvb\\.|glc_|glsa_|pul-|lin_api_|sq0atp-|EAAA|ATATT3|AGE-SECRET-KEY-1|NRAK-|PMAK-|rubygems_|figd_|ntn_|secret_|nvapi-|gsk_|r8_|fly_|FlyV1 |dapi|key-';

/**
 * Every expression is linear: one that can begin anywhere does not run on over another place where it can begin,
 * unless it succeeds there.
 */
const shapes: readonly Shape[] = [
  // A header carries its credential up to its end, whatever the scheme.
  {
    hint: /authorization|cookie/i,
    pattern:
      /\b(?:authorization|cookie)\\?["']?\s{0,8}[:=]\s{0,8}\\?["']?(?:(?:bearer|basic|digest|negotiate|ntlm|token|apikey|bot|splunk|sharedaccesssignature)\s{1,8})?(?<secret>[^"'\r\n]+)/dgi,
  },
  {
    hint: /bearer|basic/i,
    pattern: /\b(?:bearer|basic)\s{1,8}(?<secret>[A-Za-z0-9._~+/-]{6,}=*)/dgi,
    isRandom: true,
  },
  { hint: 'sig=', pattern: /\bsig=(?<secret>[^&\s"']+)/dgi },
  // scheme://user:password@host; a scan ends at the next slash, and each begins with one.
  { hint: '://', pattern: /:\/\/[^/\s:@"']*:(?<secret>[^/\s"']+)@/dg },
  // The same with a slash in the password: then what follows the colon is no port. A scan ends at the next "://".
  {
    hint: '://',
    pattern:
      /:\/\/[^/\s:@["']*:(?!\d{1,5}[/?#;,])(?<secret>[^/\s@]*\/[^\s@:]*(?::(?!\/\/)[^\s@:]*)*(?:@[^/\s@]*)*)@/dg,
  },
  // A token in the place of the user.
  { hint: '://', pattern: /:\/\/(?<secret>[^/\s:@"']{20,})@/dg },
  { hint: '://', pattern: /:\/\/(?<secret>[A-Za-z0-9_-]{10,19})@/dg, isRandom: true },
  {
    hint: 'jdbc:oracle',
    pattern: /jdbc:oracle:\w{1,16}:[\w$#]{1,64}\/(?<secret>[^@\s"'/]{1,128})@/dg,
  },
  // user:password@host without a scheme, as rsync, mongodump and proxies take it.
  {
    hint: '@',
    pattern:
      /(?<![\w:@.+%-]|\/\/)(?!(?:mailto|sips?|xmpp|acct|npm|tel|git|file|workspace|https?|ssh|urn):)[A-Za-z][\w.+-]{0,63}:(?<secret>[^\s@:/"'=,;]{1,128})@(?!sha\d)(?=[a-z][\w-]{0,62}\.|localhost|\d{1,3}\.\d)/dgi,
  },
  // Addresses that are secrets themselves.
  {
    hint: 'hook',
    pattern: /hooks?\.[\w.-]{1,64}\/(?:services|workflows|triggers)\/(?<secret>[\w/-]{16,})/dgi,
  },
  { hint: 'webhook', pattern: /\/(?:api\/)?webhooks?\/\d{5,32}\/(?<secret>[\w-]{16,})/dgi },
  { hint: 'code=', pattern: /[?&]code=(?<secret>[\w-]{16,}={0,2})/dgi },
  { hint: 'api.telegram', pattern: /\/bot\d{5,16}:(?<secret>[\w-]{20,})/dg },
  // Where a stream is published: its name is the key, but for one that is a plain word.
  {
    hint: 'rtmp',
    pattern:
      /\brtmp[a-z]{0,2}:\/\/[^\s/"']{1,256}\/(?:[\w.-]{1,64}\/){1,3}(?![a-z]{1,32}(?:[\s"';|&()<>?]|$))(?<secret>[^\s"'/;|&()<>]+)(?=[\s"';|&()<>]|$)/dg,
  },
  {
    hint: 'PRIVATE KEY',
    pattern: /-----BEGIN [A-Z ]{0,32}PRIVATE KEY(?: BLOCK)?-----(?<secret>[^-]*)/dg,
  },
  // Tokens that carry their issuer's mark. The first, JSON Web Tokens, begins where its characters begin: a failed
  // match would be tried again from each "eyJ" within them otherwise.
  { hint: 'eyJ', pattern: /(?<![\w-])(?<secret>eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)/dg },
  { hint: 'eyJ', pattern: /(?<![\w-])(?<secret>eyJ[\w+/-]{24,}={0,2})/dg },
  { hint: 'login', pattern: /\blogin\s{1,8}\S{1,64}\s{1,8}password\s{1,8}(?<secret>[^\s"']+)/dg },
  { hint: 'tskey-', pattern: /(?<![\w-])(?<secret>tskey-[\w-]{4,})/dg },
  {
    hint: /AKIA|ASIA|AIza|ya29/,
    pattern: /(?<![\w-])(?<secret>A(?:KIA|SIA)[0-9A-Z]{16}\b|AIza[\w-]{30,}|ya29\.[\w-]{20,})/dg,
  },
  { hint: 'SG.', pattern: /\b(?<secret>SG\.[\w-]{16,64}\.[\w-]{16,})/dg },
  {
    hint: /[_.-]|EAAA|ATATT3|dapi/,
    pattern: new RegExp(`(?<![\\w-])(?<secret>(?:${tokenPrefixes})[\\w-]{16,})`, 'dg'),
    isRandom: true,
  },
  { hint: ':AA', pattern: /(?<![\w-])\d{8,10}:(?<secret>AA[\w-]{33})/dg },
  // <password>x</password>
  {
    hint: '</',
    pattern:
      /<(?:[\w.-]{1,32}:)?(?<name>[\w.-]{1,64})(?:\s[^<>]{0,256})?>(?<secret>[^<]+)(?=<\/)/dg,
  },
  // SQL: IDENTIFIED BY 'x', PASSWORD 'x', PASSWORD('x').
  {
    hint: /identified|password/i,
    pattern:
      /\b(?:identified\s{1,8}(?:with\s{1,8}["'\w]{1,48}\s{1,8})?(?:by|as)|(?:encrypted\s{1,8})?password)(?:\s{1,8}|\s{0,8}\(\s{0,8})\\?(?:'(?<secret>[^'\\]+)|"(?<other>[^"\\]+))/dgi,
  },
  // What is sent to a program that has asked for a password: expect "assword:" { send "x\r" }.
  {
    hint: /send/i,
    pattern:
      /(?:assword|assphrase|passcode|\bpin\b)[^\n]{0,24}?["'}][\s;{}\\]{0,16}(?:exp_)?send(?:\s{1,4}--)?\s{1,4}\\?["'](?<secret>[^"'\\\r\n]+)/dgi,
  },
  {
    hint: '<(',
    pattern:
      /(?:private|preshared)-key\s{1,8}<\(\s{0,8}(?:echo|printf)\s{1,8}["']?(?<secret>[^\s"')]+)/dg,
  },
];

/** Every shape has one of these in it or is longer. */
const anyHint = /[:@<\s]|sig=|tskey-/;
const shortestShape = 20;

/** The secrets of every known shape in the text. */
export function shapeSpans(text: string, spans: Span[]): void {
  if (text.length < shortestShape && !anyHint.test(text)) return;
  for (const { hint, pattern, isRandom } of shapes) {
    if (typeof hint === 'string' ? !text.includes(hint) : !hint.test(text)) continue;
    pattern.lastIndex = 0;
    for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
      const groups = found.indices?.groups ?? {};
      const place = groups['secret'] ?? groups['other'];
      if (place === undefined) continue;
      const [start, end] = place;
      const value = text.slice(start, end);
      const name = found.groups?.['name'];
      if (name !== undefined) {
        const kind = secretNameKind(name);
        if (kind === undefined || !isSecretValue(kind, value)) continue;
      } else if (/^\$(?:\w+|\{\w+\})$/.test(value.slice(0, 128))) continue;
      if (isRandom === true && !looksRandom(value) && !/^[A-Za-z]{6,12}=+$/.test(value)) continue;
      spans.push({ start, end });
    }
  }
}
