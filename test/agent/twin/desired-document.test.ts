import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DesiredDocument } from '../../../agent/twin/desired-document.js';
import type { JsonObject } from '../../../base/json.js';

const at = (version: number, document: JsonObject = {}): JsonObject => ({
  ...document,
  $version: version,
});

describe('the desired document', () => {
  it('takes the next change and leaves what the change does not name', () => {
    const desired = new DesiredDocument();
    desired.replace(at(4, { a: 1, list: [1, 2, 3] }));
    expect(desired.patch(at(5, { list: [9] }))).toBe('applied');
    expect(desired.desired).toEqual({ document: { a: 1, list: [9] }, version: 5 });
  });

  it('drops a change that is not newer', () => {
    const desired = new DesiredDocument();
    desired.replace(at(4, { a: 1 }));
    expect(desired.patch(at(4, { a: 2 }))).toBe('old');
    expect(desired.patch(at(3, { a: null }))).toBe('old');
    expect(desired.desired.document).toEqual({ a: 1 });
  });

  it('does not apply a change after a gap, or one without a version', () => {
    const desired = new DesiredDocument();
    desired.replace(at(4, { a: 1 }));
    expect(desired.patch(at(6, { a: 2 }))).toBe('gap');
    expect(desired.patch({ a: 2 })).toBe('gap');
    expect(desired.patch({ a: 2, $version: 'five' })).toBe('gap');
    expect(desired.desired).toEqual({ document: { a: 1 }, version: 4 });
  });

  it('takes a full read with a lower version: the module was made anew', () => {
    const desired = new DesiredDocument();
    desired.replace(at(9, { a: 1 }));
    expect(desired.replace(at(1))).toBe(true);
    expect(desired.desired).toEqual({ document: {}, version: 1 });
    expect(desired.patch(at(2, { b: 1 }))).toBe('applied');
  });

  it('takes a full read of the same version with another content: also that is another module', () => {
    const desired = new DesiredDocument();
    desired.replace(at(1, { a: 1 }));
    expect(desired.replace(at(1, { a: 1, $metadata: {} }))).toBe(false);
    expect(desired.replace(at(1, { a: 2 }))).toBe(true);
  });

  it('is after any disorder of changes what the hub holds, once it was read again after each gap', () => {
    const change = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(null, 1, 2), {
      maxKeys: 3,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 12 }),
        fc.infiniteStream(fc.nat(3)),
        (changes, dice) => {
          const hub = new DesiredDocument();
          hub.replace(at(1));
          const agent = new DesiredDocument();
          agent.replace(at(1));
          for (const entry of changes) {
            const patch = at(hub.desired.version + 1, entry);
            hub.patch(patch);
            const fate = dice.next().value as number;
            if (fate === 0) continue; // lost on the way
            const outcome = agent.patch(patch);
            if (fate === 1) expect(agent.patch(patch)).toBe(outcome === 'applied' ? 'old' : 'gap');
            if (outcome === 'gap') {
              agent.replace({ ...hub.desired.document, $version: hub.desired.version });
            }
            expect(agent.desired).toEqual(hub.desired);
          }
        },
      ),
    );
  });
});
