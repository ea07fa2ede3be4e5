import { describe, expect, it } from 'vitest';
import {
  againstOrder,
  circles,
  folderGraph,
  importGraph,
  notInTree,
} from '../../scripts/folders.mjs';
import { objection } from '../../scripts/layers.mjs';

const graph = importGraph();

describe('the order of folders', () => {
  it('names every folder with code, and no other', () => {
    expect(notInTree(graph)).toEqual([]);
  });

  it('is kept by every import, types included', () => {
    expect(graph.size).toBeGreaterThan(250);
    expect(againstOrder(graph)).toEqual([]);
  });

  it('leaves no circle of folders, nor of files', () => {
    expect(circles(folderGraph(graph))).toEqual([]);
    expect(circles(graph)).toEqual([]);
  });

  it('leaves nothing loose in agent/ but its entry', () => {
    const loose = [...graph.keys()].filter((file) => /^agent\/[^/]+$/.test(file));
    expect(loose).toEqual(['agent/cli.ts', 'agent/main.ts']);
  });
});

describe('an import', () => {
  it.each([
    ['agent/uplink/batch.ts', 'agent/spool/spool.ts'],
    ['agent/uplink/batch.ts', 'agent/uplink/uplink.ts'],
    ['base/version.ts', 'package.json'],
    ['local-hub/hub/schema-check.ts', 'local-hub/schemas/message_v1_0.json'],
    ['test/agent/bundle.test.ts', 'agent/main.ts'],
  ])('of %s from %s is none against it', (file, target) => {
    expect(objection(file, target)).toBeUndefined();
  });

  it.each([
    ['base/clock.ts', 'config/setting.ts', /base\/ comes before config\/ in the order/],
    ['agent/spool/spool.ts', 'agent/uplink/uplink.ts', /agent\/spool\/ comes before agent\/uplink/],
    ['collectors/registry.ts', 'agent/pipeline/event.ts', /collectors\/ comes before/],
    ['agent/commands/run.ts', 'local-hub/cli.ts', /not shipped to a device/],
    ['agent/commands/inventory.ts', 'inventory/main.ts', /starts programs/],
    ['agent/commands/run.ts', 'test/support/fake-clock.ts', /test\/support\/ has no place/],
    ['collectors/usb/index.ts', 'base/clock.ts', /collectors\/usb\/ has no place/],
  ])('of %s from %s is refused', (file, target, sentence) => {
    expect(objection(file, target)).toMatch(sentence);
  });

  it('against it is found, in a circle too', () => {
    const wrong = new Map([
      ['base/a.ts', new Set(['base/b.ts'])],
      ['base/b.ts', new Set(['base/a.ts', 'agent/main.ts'])],
    ]);
    expect(againstOrder(wrong)).toEqual([
      expect.stringMatching(/^base\/b\.ts imports agent\/main\.ts: base\/ comes before agent\//),
    ]);
    expect(circles(wrong)).toEqual([['base/a.ts', 'base/b.ts']]);
  });
});
