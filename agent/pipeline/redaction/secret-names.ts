/**
 * Which names of options, variables and fields stand for a secret, in any spelling: `--auth-key`, `authKey`, `AUTH_KEY`
 * and `authkey` are the same words. The last word decides, because `key-file` is a file and `file-key` is a key.
 */

/**
 * What a name promises about its value:
 * - `secret`: any value is one;
 * - `number`: one too, unless it is as short as a pin of a chip or the pass of an encoder;
 * - `text`: one unless it is a path;
 * - `likely`: one unless it is a path, a small number or a plain word;
 * - `random`: only what looks made by chance.
 */
export type NameKind = 'secret' | 'number' | 'text' | 'likely' | 'random';

const set = (words: string): ReadonlySet<string> => new Set(words.split(' '));

/** Nothing is a secret's name without one of these in it. */
const stem = /pass|pw|key|code|token|secret|cred|auth|pin|psk|bearer|otp|puk|mfa|kennwort|string/i;

/** These name a secret wherever they stand in a name, and at the end of a word that is written in one. */
const longHead =
  /(?:password|passwd|passphrase|passphrases|passwords|passcode|passwort|kennwort|secret|secrets|token|credential|credentials)$/;
const shortHeads = set('pass psk pw pwd puk otp totp bearer passkey creds cred authkey apikey');
/** Words written in one with a short head: `dbpass` is a password, `compass` is none. */
const joinedHead =
  /^(?:db|root|admin|adm|user|wifi|wlan|my|smtp|ftp|http|https|proxy|ssh|mail|imap|ldap|bind|login|store|src|dest|web|vnc|rpc|mysql|pg|redis|mongo|mqtt|svc|service|sudo|su|priv|enc|zip|app|auth|server|client|new|old|require|sasl|ppp|radius|wpa|rdp|smb|cifs|ap|sta|net|sys|master|become|job|vault|manager)(?<head>pass|pw|pwd|psk)$/;
const joinedKey =
  /^(?<qualifier>api|auth|access|secret|private|account|shared|master|encryption|license|app|session|storage|symmetric|activation|preshared|wep|wpa|pre|join|device|service|admin|primary|secondary|signing|priv|aes|hmac|nwks|apps|nwk|public|pub|ssh|host|sort|hot)s?key$/;
const joinedCode =
  /^(?<qualifier>pin|access|auth|unlock|mfa|otp|activation|pairing|security|setup)code$/;
const joinedPin = /^(?:sim|user|so|card|bt|unlock|admin|pair|door|alarm)pin$/;
const joinedAuth = /^(?:basic|proxy|http|user)auth$/;

/** After the head, these change nothing: `passwordValue`, `secret-string`, `new_password_again`. */
const modifiers = set(
  'value string text str data hex base b raw plain plaintext clear cleartext confirm confirmation again repeat new old current retype verify default encoded',
);
/** A name that ends in one of these is about a secret and holds none. */
const plainEnd = set(
  'file files path paths dir directory folder ttl lifetime expiry expiration expires expire length len size min max count num policy type types name names id ids url uri endpoint host port timeout age days date time store manager provider prompt hint field column param parameter header cmd command script program hook env var variable fd stdin mode method methods algorithm algo alg cost rounds strength complexity history required requirements enabled disabled enable disable change changed reset authentication auth login access set require check checking only less free quality cache agent server service issuer audience scope scopes format encoding version prefix suffix pattern regex rotation interval period index slot label group user username owner ref arn engine backend namespace memory permissions generation derivation update updates attempts retries limit usage coverage link store protected protection kind status state ring map board s source from out output in input class support',
);
/** An option that begins with one of these says what to do, and takes no secret. */
const verbs = set(
  'recv search refresh edit lsign locate export import fetch no without with ask prompt require required use skip show hide enable disable has allow read generate list print get force is need needs dont ignore empty missing max min num accept permit',
);
/** With one of these before it a key is a secret, a word like any other or not. */
const secretKey = set(
  'api access account secret shared symmetric auth authkey authorization primary secondary license activation wep wpa psk preshared app session storage service admin device subscription registration functions join nwk aes hmac unlock recovery bootstrap enc encryption decryption crypt cipher stream network wifi iothub sas bot maps telegram webhook deploy master user site integration ingest write instrumentation sentry anon',
);
/** With one of these the key may stand in a file. */
const fileKey = set('private priv pre signing server client tls ssl cert https mtls identity key');
/** With one of these it is something to look up, to press or to show to everyone. */
const plainKey = set(
  'public pub sort partition foreign host hot group row range index order unique map cache object lookup dict json field column meta bind modifier function arrow by from on any each every press gpg pgp ssh routing message context resource registry trust trusted ca root s composite natural tree config translation i18n yubi fast composed multi accel bucket tag label environment env answer first last node event keyboard dns',
);
const secretCode = set(
  'pin pass access auth authorization unlock mfa otp totp fa verification verify activation pairing pair security setup secret device user login invite recovery backup claim confirmation sms door alarm disarm entry master one-time oauth enrollment',
);

/** Splits at changes of case and at everything that is neither a letter nor a digit; digits at the end fall away. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .replace(/\bpass[ _-](word|phrase|code|wd)\b/g, 'pass$1')
    .split(/[^a-z0-9]+/)
    .map((word) => word.replace(/(?<=[a-z])\d+$/, ''))
    .filter((word) => word !== '' && !/^(?:\d+|nopass(?:word|wd)?)$/.test(word));
}

function keyKind(qualifier: string | undefined): NameKind | undefined {
  if (qualifier === undefined) return 'random';
  if (secretKey.has(qualifier)) return 'secret';
  if (fileKey.has(qualifier)) return 'text';
  return plainKey.has(qualifier) ? undefined : 'likely';
}

function headKind(last: string, before: string | undefined): NameKind | undefined {
  if (last === 'token' && (before === 'cancel' || before === 'cancellation')) return undefined;
  if (last === 'tokens' || last === 'pass' || last === 'puk') return 'number';
  if (last === 'pwd' || last === 'credentials' || last === 'credential') return 'text';
  if (longHead.test(last) || shortHeads.has(last)) return 'secret';
  const joined = joinedHead.exec(last)?.groups?.['head'];
  if (joined !== undefined) return 'secret';
  if (last === 'key' || last === 'keys') return keyKind(before);
  const qualifier = joinedKey.exec(last)?.groups?.['qualifier'];
  if (qualifier !== undefined)
    return keyKind(qualifier === 'nwks' || qualifier === 'apps' ? 'nwk' : qualifier);
  if (last === 'pin' || joinedPin.test(last)) return 'number';
  if (last === 'code') return before !== undefined && secretCode.has(before) ? 'number' : undefined;
  if (joinedCode.test(last)) return 'number';
  return last === 'auth' || joinedAuth.test(last) ? 'likely' : undefined;
}

/** What the name promises, see {@link NameKind}; undefined when it names no secret. */
export function secretNameKind(name: string): NameKind | undefined {
  if (!stem.test(name)) return undefined;
  const words = wordsOf(name);
  const [first] = words;
  if (first === undefined || (words.length > 1 && verbs.has(first))) return undefined;
  const whole = words.join(' ');
  if (/(?:^| )(?:access key|secret|secret access key) id$/.test(whole)) return 'secret';
  if (/conn(?:ection)?(?: ?string| ?str)$/.test(whole)) return 'secret';
  while (words.length > 1 && modifiers.has(words.at(-1) ?? '')) words.pop();
  const last = words.at(-1) ?? '';
  const kind = headKind(last, words.at(-2));
  if (kind !== undefined)
    return last === 'auth' && words.some((word) => longHead.test(word)) ? undefined : kind;
  if (plainEnd.has(last)) return undefined;
  return words.some((word) => longHead.test(word)) ? 'likely' : undefined;
}

const harmless =
  /^(?:true|false|yes|no|on|off|none|null|nil|undefined|never|always|required|optional|prompt|ask|stdin|env|auto|default|enabled|disabled|\*{3,}|x{4,})$/i;
/** Where the secret is to be found instead of the secret itself. */
const elsewhere =
  /^(?:(?:file|env|fd|op|ssm|keyring|vault|sha\d+):|\{\{|\$\{\{|%\w+%$|(?:id|src|source|type)=)/;
const fileName =
  /^(?:~|\.{0,2})\/|^[\w./~-]+\.(?:pem|key|crt|cer|der|p12|pfx|jks|txt|json|ya?ml|conf|cfg|env|gpg|asc|pub|bin|kdbx?|token|secret)$|^[a-z._-]+(?:\/[a-z._-]+)+$/i;
const plainWords = /^(?:[a-z]+(?:[-_ .,/][a-z]+)*|\d{1,4}|oauth2|md5|sha\d+|wpa\d?)$/;

/** Whether the text looks made by chance: long, and of letters mixed with digits or of both cases. */
export function looksRandom(text: string): boolean {
  if (text.length < 8 || /[^\w+/=~.-]/.test(text) || /^[\d.-]+$/.test(text)) return false;
  if (fileName.test(text)) return false;
  return /\d/.test(text)
    ? /[a-z]/i.test(text)
    : text.length >= 20 && /[a-z][A-Z]|[A-Z]{2}[a-z]/.test(text);
}

/** Whether a value of a name of this kind is a secret. */
export function isSecretValue(kind: NameKind, value: string): boolean {
  const start = value.length > 256 ? value.slice(0, 256) : value;
  if (!/[^\W_]|[^\0-\x7f]/.test(value) || harmless.test(start) || elsewhere.test(start))
    return false;
  switch (kind) {
    case 'secret':
      return true;
    case 'number':
      return !/^(?:\d{1,3}|gpio\w*|[A-P]{1,2}\d{1,2})$/i.test(start);
    case 'text':
      return start.endsWith('=') || !fileName.test(start);
    case 'likely':
      return start.endsWith('=') || (!fileName.test(start) && !plainWords.test(start));
    case 'random':
      return looksRandom(start);
  }
}

/** A value that a shell puts in place of it later, such as `$PASSWORD`, `$USER:$PASSWORD` or `$(cat file)`. */
export function isReference(value: string): boolean {
  if (value.startsWith('$(') || value.startsWith('`')) return true;
  if (!value.startsWith('$') || value.length > 256) return false;
  return !/[^\W_]|[^\0-\x7f]/.test(value.replace(/\$(?:\w+|\{\w+\})/g, ''));
}
