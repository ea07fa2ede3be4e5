import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../../agent/pipeline/redaction/redactor.js';

const redactor = createRedactor([]);

describe('the masking of secrets', () => {
  it('takes time linear in the argument, so that nobody can stall the agent with a long one', () => {
    // A quadratic expression would need minutes for these, and the test would be ended by its deadline.
    const size = 1 << 20;
    for (const text of [
      'a'.repeat(size),
      'password '.repeat(size / 8),
      ' '.repeat(size),
      '://a:'.repeat(size / 8),
      '-eyJ'.repeat(size / 8),
      '-eyJaaaaaaaa.-eyJaaaaaaaa'.repeat(size / 32),
      `"'`.repeat(size / 8),
      "'".repeat(size / 8 + 1),
      `"'"`.repeat(size / 8),
      '://a:b/'.repeat(size / 8),
      '://a:b/@'.repeat(size / 8),
      'password="\\"'.repeat(size / 8),
      ';password='.repeat(size / 8),
      `a=${';token '.repeat(size / 8)}`,
      `password="${'\\a'.repeat(size / 2)}`,
      `://a:${'b/:'.repeat(size / 4)}`,
      'token='.repeat(size / 8),
      'a token '.repeat(size / 8),
      `${' token'.repeat(size / 8)}=`,
      ',password= '.repeat(size / 8),
    ]) {
      expect(redactor.redact(['x', text])).toHaveLength(2);
      expect(redactor.redact(['sh', '-c', `${text} `]).slice(1)).toHaveLength(2);
    }
  }, 180_000);
});
