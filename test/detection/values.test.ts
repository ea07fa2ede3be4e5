import { describe, expect, it } from 'vitest';
import type { Tuning } from '../../detection/language/placeholders.js';
import { Detector } from '../../detection/rules/detector.js';
import {
  type Fields,
  isTrue,
  reasonsOf,
  ruleOf,
  selection,
  setOf,
  startOf,
} from '../support/sigma.js';

type Case = readonly [line: string, fields: Fields, is: boolean];

const check = (cases: readonly Case[]): void => {
  it.each(cases)('%s of %o is %s', (line, fields, is) => {
    expect(isTrue(selection(line), fields)).toBe(is);
  });
};

describe('a value', () => {
  check([
    ["F: 'whoami'", { F: 'WhoAmI' }, true],
    ["F: 'whoami'", { F: 'whoami ' }, false],
    ["F: 'whoami'", {}, false],
    ["F: ''", { F: '' }, true],
    ["F: ''", { F: 'x' }, false],
    ["F: ''", {}, false],
    ["F: ''", { F: null }, false],
    ['F: 4444', { F: '4444' }, true],
    ['F: 4444', { F: 4444 }, true],
    ['F: 4444', { F: '04444' }, false],
    ["F: '4444'", { F: 4444 }, true],
    ['F: 18446744073709551615', { F: '18446744073709551615' }, true],
    ['F: true', { F: 'True' }, true],
    ['F: [a, b]', { F: 'b' }, true],
    ['F: [a, b]', { F: 'c' }, false],
    ['f: a', { F: 'a' }, false],
    ['constructor: a', {}, false],
    ['__proto__: a', { F: 'a' }, false],
  ]);
});

describe('a wildcard', () => {
  check([
    ["F: 'prog?.exe'", { F: 'progA.exe' }, true],
    ["F: 'prog?.exe'", { F: 'prog.exe' }, false],
    ["F: 'prog?.exe'", { F: 'prog12.exe' }, false],
    ["F: 'prog?.exe'", { F: 'prog🙂.exe' }, true],
    ["F: 'a*V*z'", { F: 'antivirus_v21z' }, true],
    ["F: 'a*z'", { F: 'a' }, false],
    ["F: '*'", { F: '' }, true],
    ["F: '*'", {}, false],
    ["F: '*ab'", { F: 'aab' }, true],
    ["F: 'ab*ab'", { F: 'ab' }, false],
    ["F: 'ab*ab'", { F: 'abab' }, true],
    ["F: '*a?c*'", { F: 'aac abc' }, true],
    ["F|contains: 'a*c'", { F: 'xabcx' }, true],
    ["F|startswith: '/tmp/*/x'", { F: '/tmp/a/xyz' }, true],
  ]);
});

describe('a backslash', () => {
  check([
    ["F: 'a\\b'", { F: 'a\\b' }, true],
    ["F: 'a\\\\b'", { F: 'a\\b' }, true],
    ["F: 'a\\*'", { F: 'a*' }, true],
    ["F: 'a\\*'", { F: 'ab' }, false],
    ["F: 'a\\?'", { F: 'a?' }, true],
    ["F: 'a\\?'", { F: 'ab' }, false],
    ["F: 'a\\\\*'", { F: 'a\\anything' }, true],
    ["F: 'a\\\\*'", { F: 'a*' }, false],
    ["F: 'a\\\\\\*'", { F: 'a\\*' }, true],
    ["F: 'a\\\\\\*'", { F: 'a\\b' }, false],
    ["F: 'a\\\\\\b'", { F: 'a\\\\b' }, true],
    ["F: 'a\\\\\\\\b'", { F: 'a\\\\b' }, true],
    ["F|endswith: '\\sh'", { F: 'c:\\sh' }, true],
  ]);
});

describe('a modifier for text', () => {
  check([
    ['F|contains: XMR', { F: 'run xmrig' }, true],
    ['F|startswith: run', { F: 'Run xmrig' }, true],
    ['F|startswith: xmrig', { F: 'run xmrig' }, false],
    ['F|endswith: /sh', { F: '/bin/sh' }, true],
    ['F|endswith: /sh', { F: '/bin/sh -c' }, false],
    ['F|contains|all: [a, b]', { F: 'b a' }, true],
    ['F|contains|all: [a, b]', { F: 'a' }, false],
    ['F|all|contains: [a, b]', { F: 'b a' }, true],
    ['F|cased: Sh', { F: 'Sh' }, true],
    ['F|cased: Sh', { F: 'sh' }, false],
    ['F|contains|cased: Sh', { F: 'xShx' }, true],
    ['F|contains|cased: Sh', { F: 'xshx' }, false],
    ['F|neq: a', { F: 'b' }, true],
    ['F|neq: a', { F: 'A' }, false],
    ['F|neq: a', {}, false],
    ['F|neq: [a, b]', { F: 'b' }, false],
    ['F|neq: 5', { F: 6 }, true],
    ['F|exists: true', { F: null }, true],
    ['F|exists: true', {}, false],
    ['F|exists: false', {}, true],
    ['F|exists: false', { F: '' }, false],
    ['F: null', {}, true],
    ['F: null', { F: null }, true],
    ['F: null', { F: '' }, false],
    ['F:', {}, true],
    ["F|windash|contains: ' -f '", { F: 'x /f y' }, true],
    ["F|windash|contains: ' -f '", { F: 'x \u2014f y' }, true],
    ["F|windash|contains: ' -f '", { F: 'x +f y' }, false],
    ["F|windash|contains: 'a-b'", { F: 'a/b' }, false],
    ['F|fieldref: G', { F: 'x', G: 'X' }, true],
    ['F|fieldref: G', { F: 'x', G: 'y' }, false],
    ['F|fieldref: G', { F: 'x' }, false],
    ['F|cased|fieldref: G', { F: 'x', G: 'X' }, false],
    ['F|fieldref|neq: G', { F: 'x', G: 'y' }, true],
    ['F|fieldref|neq: G', { F: 'x', G: 'x' }, false],
    ['F|fieldref|startswith: G', { F: 'xyz', G: 'xy' }, true],
    ['F|fieldref|endswith: G', { F: 'xyz', G: 'xy' }, false],
    ['F|fieldref|contains: G', { F: 'xyz', G: 'y' }, true],
  ]);
});

describe('an encoding', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const wide = Buffer.from('ping', 'utf16le');
  check([
    ['F|base64: ping it', { F: base64('ping it') }, true],
    ['F|base64|contains: foobar', { F: `x ${base64('foobar')} y` }, true],
    ['F|base64offset|contains: http://', { F: base64('http://a') }, true],
    ['F|base64offset|contains: http://', { F: base64('xhttp://a') }, true],
    ['F|base64offset|contains: http://', { F: base64('xyhttp://a') }, true],
    ['F|base64offset|contains: http://', { F: base64('xyzhttp://a') }, true],
    ['F|base64offset|contains: http://', { F: base64('https://a') }, false],
    ['F|wide|base64: ping', { F: wide.toString('base64') }, true],
    ['F|utf16le|base64: ping', { F: wide.toString('base64') }, true],
    ['F|utf16be|base64: ping', { F: Buffer.from(wide).swap16().toString('base64') }, true],
    [
      'F|utf16|base64: ping',
      { F: Buffer.concat([Buffer.from([255, 254]), wide]).toString('base64') },
      true,
    ],
    ['F|utf16le|contains: ping', { F: 'xp\0i\0n\0g\0' }, true],
    ['F|wide|base64offset|contains: ping', { F: base64(`aa${wide.toString('latin1')}b`) }, true],
  ]);
});

describe('a regular expression', () => {
  check([
    ["F|re: 'b.d'", { F: 'a bad c' }, true],
    ["F|re: 'b.d'", { F: 'a Bad c' }, false],
    ["F|re|i: 'b.d'", { F: 'a Bad c' }, true],
    ["F|re: '^b'", { F: 'a\nb' }, false],
    ["F|re|m: '^b$'", { F: 'a\nb' }, true],
    ["F|re: 'a.b'", { F: 'a\nb' }, false],
    ["F|re|s: 'a.b'", { F: 'a\nb' }, true],
    ["F|re|i|m|s: '^B.A'", { F: 'x\nb\na' }, true],
    ["F|re|all: ['a', 'b']", { F: 'ab' }, true],
    ["F|re: '(?i)abc'", { F: 'xABC' }, true],
    ["F|re: 'a|b'", { F: 'zzb' }, true],
    ["F|re: '(?:bash|sh) -i'", { F: 'sh -i' }, true],
    ["F|re: 'colou?r'", { F: 'color' }, true],
    ["F|re: 'a{b|c}d'", { F: 'a{b' }, true],
    ["F|re|neq: 'b.d'", { F: 'good' }, true],
  ]);
});

describe('a number, a date, an address', () => {
  check([
    ['F|gt: 10', { F: '11' }, true],
    ['F|gt: 10', { F: 10 }, false],
    ['F|gte: 10', { F: 10 }, true],
    ['F|lt: 10', { F: '9.5' }, true],
    ['F|lt: 10', { F: 'nine' }, false],
    ['F|lt: 10', { F: '' }, false],
    ['F|lte: 10', { F: 10 }, true],
    ['F|lt: -1', { F: '-2' }, true],
    ['F|hour: 22', { F: '2026-11-28T22:15:00Z' }, true],
    ['F|minute: 15', { F: '2026-11-28T22:15:00Z' }, true],
    ['F|day: 28', { F: '2026-11-28' }, true],
    ['F|month: 11', { F: '2026-11-28 22:15' }, true],
    ['F|year: 2026', { F: '2026-11-28' }, true],
    ['F|week: 48', { F: '2026-11-28' }, true],
    ['F|week: 53', { F: '2027-01-01' }, true],
    ['F|hour|gte: 20', { F: '2026-11-28T22:15:00Z' }, true],
    ['F|hour|lt: 6', { F: '2026-11-28T22:15:00Z' }, false],
    ['F|hour: 22', { F: '2026-11-28' }, false],
    ['F|cidr: 10.0.0.0/8', { F: '10.200.3.4' }, true],
    ['F|cidr: 10.0.0.0/8', { F: '11.0.0.1' }, false],
    ['F|cidr: 10.0.0.0/8', { F: '::ffff:10.1.2.3' }, true],
    ['F|cidr: 192.168.4.0/22', { F: '192.168.7.255' }, true],
    ['F|cidr: 192.168.4.0/22', { F: '192.168.8.0' }, false],
    ["F|cidr: 'fe80::/10'", { F: 'febf::1' }, true],
    ["F|cidr: 'fe80::/10'", { F: 'fec0::1' }, false],
    ["F|cidr: ['10.0.0.0/8', '::1/128']", { F: '::1' }, true],
    ['F|cidr: 0.0.0.0/0', { F: '1.2.3.4' }, true],
    ['F|cidr: 10.0.0.0/8', { F: 'no address' }, false],
  ]);
});

describe('a field that is a list', () => {
  const image = { Image: ['/usr/bin/dash', '/bin/sh', '/opt/run.sh'] };
  check([
    ['Image|endswith: /sh', image, true],
    ['Image|endswith: /bash', image, false],
    ['Image|all: [/bin/sh, /usr/bin/dash]', image, true],
    ['Image|neq: /bin/sh', image, false],
    ['Image: null', { Image: [] }, true],
    ['Image|exists: true', { Image: [] }, true],
  ]);
});

describe('a keyword', () => {
  it.each([
    ['[evil, "a b"]', { F: 'x Evil y' }, true],
    ['[evil, "a b"]', { F: 'a', G: 'b' }, true],
    ['[evil, "a b"]', { G: 'b', F: 'a' }, false],
    ['[evil, "e*l"]', { F: 'e', G: 1, H: 'l' }, true],
    ['evil', { F: 'devils' }, true],
    ["{'|all': [a, b]}", { F: 'b', G: 'a' }, true],
    ["{'|all': [a, b]}", { F: 'b' }, false],
    ["{'|re': 'v.l'}", { F: 'evil' }, true],
    ["['|x']", { F: '|x' }, true],
    ['[517]', { F: 517 }, true],
  ] as const)('%s in %o is %s', (keywords, fields, is) => {
    expect(isTrue(`k: ${keywords}\ncondition: k`, fields)).toBe(is);
  });
});

describe('a placeholder', () => {
  const values = { users: ['root', 'adm*'], one: ['x'] };
  it.each([
    ["F|expand: '%users%'", { F: 'root' }, true],
    ["F|expand: '%users%'", { F: 'admin' }, true],
    ["F|expand: '%users%'", { F: 'anna' }, false],
    ["F: '%users%'", { F: '%users%' }, true],
    ["F|expand: '\\%one%one%'", { F: '%onex' }, true],
    ["F|contains|expand: '/%users%/%one%'", { F: '/home/root/x' }, true],
    ["F|expand|contains: '%one%'", { F: 'axb' }, true],
    ["F|expand: 'plain'", { F: 'plain' }, true],
  ] as const)('%s of %o is %s', (line, fields, is) => {
    expect(isTrue(selection(line), fields, values)).toBe(is);
  });

  it('that nothing stands for refuses the rule', () => {
    expect(() => isTrue(selection("F|expand: '%constructor%'"), {})).toThrow(
      /Set values for the placeholder %constructor%/,
    );
  });

  it.each([
    ["F|expand: '%none%'", { F: '' }, false],
    ["F|contains|expand: '%none%'", { F: 'anything' }, false],
    ["F|contains|all|expand: ['%none%', '%users%']", { F: 'root admin' }, false],
    ["F|expand: ['%none%', 'x']", { F: 'x' }, true],
    ["F|neq|expand: '%none%'", { F: 'x' }, true],
  ] as const)('of an empty list matches nothing: %s', (line, fields, is) => {
    expect(isTrue(selection(line), fields, { ...values, none: [] })).toBe(is);
  });
});

describe('the named values of a document', () => {
  const document = (values: string, line = "F|expand: '%a%'"): string =>
    `${ruleOf(selection(line))}values: ${values}\nalert_type: IoT_Any\n`;
  const isMatched = (text: string, F: string, tuning?: Tuning): boolean => {
    const set = setOf(text, tuning);
    expect(set.refusals).toEqual([]);
    return new Detector(set).judge(startOf({ F })).hits.length > 0;
  };

  it('stand for its placeholders, unless others are set for its id', () => {
    const text = document('{ a: [one, "12"] }');
    expect(isMatched(text, '12')).toBe(true);
    expect(isMatched(text, 'one', { r: { a: ['two'] } })).toBe(false);
    expect(isMatched(text, 'two', { r: { a: ['two'] } })).toBe(true);
    expect(isMatched(text, 'one', { r: { a: [] } })).toBe(false);
    expect(isMatched(text, 'one', { other: { a: ['two'] }, r: { b: ['two'] } })).toBe(true);
  });

  it('may be an empty list, and are told with the kind of alert', () => {
    expect(isMatched(document('{ a: [] }'), 'one')).toBe(false);
    expect(isMatched(document('{ a: }'), 'one')).toBe(false);
    const [rule] = setOf(document('{ a: one }')).rules;
    expect(rule).toMatchObject({ alertType: 'IoT_Any', values: { a: ['one'] } });
  });

  it.each([
    ['[a]', 'Make values a map'],
    ['{ a: [[b]] }', 'a list of texts of 1 to 512'],
    ['{ a: [""] }', 'a list of texts of 1 to 512'],
    ['{ a: { b: c } }', 'a list of texts of 1 to 512'],
    [`{ a: [${'x'.repeat(513)}] }`, 'a list of texts of 1 to 512'],
    [`{ a: [${'x,'.repeat(2001)}] }`, 'at most 2000 texts'],
    ['{ "a b": [c] }', 'Rename the value "a b"'],
    [`{ ${Array.from({ length: 33 }, (_, n) => `v${n}: []`).join(', ')} }`, 'at most 32 values'],
  ])('are refused with a sentence when they are %.20s', (written, reason) => {
    expect(reasonsOf(document(written)).join()).toContain(reason);
  });

  it('are refused with an alert_type that is none', () => {
    const [reason] = reasonsOf(`${ruleOf(selection('F: x'))}alert_type: "a b"\n`);
    expect(reason).toContain('Write alert_type in letters');
  });
});
