import { secretNameKind } from './secret-names.js';
import type { Span } from './spans.js';

/**
 * Which parameters of a modem's AT command are secrets, counted from 1. 3GPP TS 27.007 for those with `+C`, the
 * makers' manuals (Quectel, SIMCom, u-blox, Huawei, Espressif) for the others. Where makers differ in the order of user
 * and password, both are masked.
 */
const secretParameters: ReadonlyMap<string, readonly number[]> = new Map([
  ['+CPIN', [1, 2]],
  ['+CPIN2', [1, 2]],
  ['+CPWD', [2, 3]],
  ['+CLCK', [3]],
  ['+CGAUTH', [3, 4]],
  ['^CPIN', [1, 2]],
  ['^AUTHDATA', [4, 5]],
  ['^CARDLOCK', [1]],
  ['^SICS', [3]],
  ['$QCPDPP', [3, 4]],
  ['+QICSGP', [5]],
  ['+QIAPN', [3]],
  ['+CSTT', [3]],
  ['+CIPMUX', []],
  ['+UAUTHREQ', [3, 4]],
  ['+UPSD', [3]],
  ['+QMTCONN', [4]],
  ['+CMQTTCONNECT', [6]],
  ['+SMCONF', [2]],
  ['+UMQTT', [3]],
  ['+MQTTUSERCFG', [5]],
  ['+QFTPCFG', [3]],
  ['+QSMTPCFG', [3]],
  ['+CFTPSLOGIN', [4]],
  ['+FTPPW', [1]],
  ['+CSMTPSAUTH', [3]],
  ['+CWJAP', [2]],
  ['+CWJAP_CUR', [2]],
  ['+CWJAP_DEF', [2]],
  ['+CWSAP', [2]],
  ['+WSKEY', [3]],
  ['+PSWD', [1]],
]);

/** These take the name of what is set first: only a password is a secret. */
const named: ReadonlyMap<string, { readonly at: number; readonly is: RegExp }> = new Map([
  ['^SICS', { at: 2, is: /pass/i }],
  ['+UPSD', { at: 2, is: /^3$/ }],
  ['+UMQTT', { at: 1, is: /^4$/ }],
  ['+QFTPCFG', { at: 1, is: /account/i }],
  ['+QSMTPCFG', { at: 1, is: /account/i }],
  ['+SMCONF', { at: 1, is: /password/i }],
]);

const command = /(?<![A-Za-z0-9])(?:AT|;)(?<name>[+^%$#*][A-Za-z][A-Za-z0-9_]{1,23})=(?!\?)/g;

/** The secrets in the AT commands of the text. Linear: a command ends where the next begins. */
export function modemSpans(text: string, spans: Span[]): void {
  command.lastIndex = 0;
  for (let found = command.exec(text); found !== null; found = command.exec(text)) {
    const name = (found.groups?.['name'] ?? '').toUpperCase();
    const places =
      secretParameters.get(name) ?? (secretNameKind(name.slice(1)) === undefined ? undefined : [1]);
    if (places === undefined) continue;
    const parameters = parametersFrom(text, command.lastIndex);
    const condition = named.get(name);
    const first = condition === undefined ? undefined : parameters[condition.at - 1];
    if (
      condition !== undefined &&
      first !== undefined &&
      !condition.is.test(text.slice(first.start, first.end))
    )
      continue;
    for (const place of places) {
      const span = parameters[place - 1];
      if (span !== undefined && span.end > span.start) spans.push(span);
    }
  }
}

/** The parameters of one command, at most eight of at most 256 characters, without their quotes. */
function parametersFrom(text: string, from: number): Span[] {
  const parameters: Span[] = [];
  const parameter =
    /(?:\\?"(?<quoted>[^"\\\r\n]{0,256})\\?"|(?<plain>[^,;"'\\\s|&)]{0,256}))(?<more>,?)/y;
  parameter.lastIndex = from;
  while (parameters.length < 8) {
    const found = parameter.exec(text);
    if (found === null) break;
    const quoted = found.groups?.['quoted'];
    const value = quoted ?? found.groups?.['plain'] ?? '';
    const start = found.index + (quoted === undefined ? 0 : found[0].indexOf('"') + 1);
    parameters.push({ start, end: start + value.length });
    if (found.groups?.['more'] !== ',') break;
  }
  return parameters;
}
