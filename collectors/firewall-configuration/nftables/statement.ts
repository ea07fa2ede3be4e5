import type { JsonValue } from '../../../base/json.js';
import { listText } from '../rules/conditions.js';
import { list, member, shown, text, words, written } from './expression.js';

/** How often, as nft writes it: `over 15/minute burst 5 packets`; the name of a limit that has one. */
export function limitText(content: JsonValue): string {
  const name = text(content);
  if (name !== undefined) return name;
  const named = (key: string): string => text(member(content, key)) ?? '';
  const unit = named('rate_unit');
  const rate = words(named('rate'), unit === 'packets' ? '' : unit);
  const burst = named('burst');
  return words(
    member(content, 'inv') === true ? 'over' : '',
    `${rate}/${named('per')}`,
    burst === '' || burst === '0' ? '' : `burst ${burst} ${named('burst_unit') || 'packets'}`,
  );
}

/**
 * A statement that is a condition, without a field of its own, as text: `ct count over 20`, a quota, a set or meter that
 * something is counted in. Undefined for those that are none.
 */
export function conditionText(kind: string, content: JsonValue): string | undefined {
  const over = member(content, 'inv') === true ? 'over' : '';
  switch (kind) {
    case 'ct count':
    case 'connlimit':
      return words('ct count', over, written(member(content, 'val')));
    case 'quota':
      return words(
        'quota',
        text(content) ??
          words(over, written(member(content, 'val')), written(member(content, 'val_unit'))),
      );
    case 'meter':
      return words(
        'meter',
        written(member(content, 'name')),
        written(member(content, 'key')),
        countedText(member(content, 'stmt')),
      );
    case 'set':
    case 'map': {
      const counted = list(member(content, 'stmt')).map(countedText).filter(Boolean);
      return counted.length === 0 ? undefined : words(setText(content), ...counted);
    }
    default:
      return undefined;
  }
}

function countedText(statement: JsonValue | undefined): string {
  const limit = member(statement, 'limit');
  if (limit !== undefined) return `limit rate ${limitText(limit)}`;
  for (const kind of ['ct count', 'quota']) {
    const content = member(statement, kind);
    if (content !== undefined) return conditionText(kind, content) ?? '';
  }
  return member(statement, 'counter') === undefined && statement !== undefined
    ? shown(statement)
    : '';
}

function setText(content: JsonValue): string {
  return words(
    written(member(content, 'op')),
    written(member(content, 'set') ?? member(content, 'map')),
    '{',
    written(member(content, 'elem')),
    '}',
  );
}

/**
 * A statement that changes or hands on the packet, or notes something, as text. Undefined for what is not known: then
 * nobody knows what the rule does.
 */
export function actionText(kind: string, content: JsonValue): string | undefined {
  const named = (key: string): string => written(member(content, key));
  const flags = (): string => listText(flagsOf(member(content, 'flags')), false);
  switch (kind) {
    case 'log':
      return words(
        'log',
        member(content, 'prefix') === undefined ? '' : `prefix ${JSON.stringify(named('prefix'))}`,
        named('group') && `group ${named('group')}`,
        named('level') && `level ${named('level')}`,
      );
    case 'mangle':
      return words(named('key'), 'set', named('value'));
    case 'snat':
    case 'dnat':
    case 'redirect':
    case 'masquerade':
    case 'tproxy': {
      const address = named('addr');
      const port = named('port') && `:${named('port')}`;
      return words(kind, address + port === '' ? '' : `to ${address}${port}`, flags());
    }
    case 'set':
    case 'map':
      return setText(content);
    case 'queue':
      return words('queue', named('num') && `num ${named('num')}`, flags());
    case 'notrack':
    case 'synproxy':
    case 'last':
      return kind;
    case 'dup':
    case 'fwd':
      return words(kind, 'to', named('addr'), named('dev') && `device ${named('dev')}`);
    case 'flow':
      return words('flow', named('op'), named('flowtable'));
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
    case 'secmark':
      return words(kind, 'set', written(content));
    default:
      return undefined;
  }
}

function flagsOf(value: JsonValue | undefined): readonly string[] {
  const one = text(value);
  return one === undefined ? list(value).flatMap((flag) => text(flag) ?? []) : [one];
}

/** `reject with tcp reset`, `reject with icmpx admin-prohibited`. */
export function rejectText(content: JsonValue): string {
  const type = text(member(content, 'type'));
  const how = written(member(content, 'expr'));
  return type === undefined ? 'reject' : words('reject with', type, how);
}
