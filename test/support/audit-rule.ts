/** Layout of `struct audit_rule_data`, `uapi/linux/audit.h`. */
const maskAt = 12;
const fieldsAt = 268;
const valuesAt = 524;
const operatorsAt = 780;
const textLengthAt = 1036;
const textAt = 1040;

const equal = 0x4000_0000;

interface Rule {
  readonly arch: number;
  readonly calls: readonly number[];
  readonly success: boolean;
  readonly key?: string;
  readonly uid?: number;
  /** The fields in the opposite order. */
  readonly turned?: boolean;
}

/** A rule of the exit list as auditctl has the kernel set it. */
export function auditRule({ arch, calls, success, key = '', uid, turned = false }: Rule): Buffer {
  const fields = [
    { number: 11, value: arch },
    ...(success ? [{ number: 104, value: 1 }] : []),
    ...(uid === undefined ? [] : [{ number: 1, value: uid }]),
    ...(key === '' ? [] : [{ number: 210, value: key.length }]),
  ];
  if (turned) fields.reverse();
  const rule = Buffer.alloc(textAt + key.length);
  rule.writeUInt32LE(4, 0);
  rule.writeUInt32LE(2, 4);
  rule.writeUInt32LE(fields.length, 8);
  for (const call of calls) {
    const at = maskAt + (call >>> 5) * 4;
    rule.writeUInt32LE((rule.readUInt32LE(at) | (1 << (call & 31))) >>> 0, at);
  }
  for (const [index, { number, value }] of fields.entries()) {
    rule.writeUInt32LE(number, fieldsAt + index * 4);
    rule.writeUInt32LE(value, valuesAt + index * 4);
    rule.writeUInt32LE(equal, operatorsAt + index * 4);
  }
  rule.writeUInt32LE(key.length, textLengthAt);
  rule.write(key, textAt);
  return rule;
}
