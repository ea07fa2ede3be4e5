import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeTree, type Selection } from '../../../agent/wipe/remove-tree.js';

let root = '';
let inside = '';
let outside = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wipe-tree-'));
  inside = join(root, 'inside');
  outside = join(root, 'outside');
  mkdirSync(inside);
  mkdirSync(outside);
  writeFileSync(join(outside, 'precious'), 'precious');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const everything: Selection = { isOurs: () => true, isSecret: (name) => name.endsWith('.key') };
const stillPrecious = (): void => {
  expect(readdirSync(outside)).toEqual(['precious']);
  expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious');
};

/** A tree of files, directories, and links that lead out of it, by their names. */
type Tree = { readonly [name: string]: Tree | 'file' | 'link' };
const name = fc.stringMatching(/^[a-z .ü]{1,6}(\.key)?$/).filter((text) => !/^\.{1,2}$/.test(text));
const { tree } = fc.letrec<{ tree: Tree; node: Tree | 'file' | 'link' }>((tie) => ({
  tree: fc.dictionary(name, tie('node'), { maxKeys: 4 }),
  node: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('file' as const, 'link' as const),
    tie('tree'),
  ),
}));

function plant(directory: string, planted: Tree): number {
  let count = 0;
  for (const [entry, node] of Object.entries(planted)) {
    const path = join(directory, entry);
    count++;
    if (node === 'file') writeFileSync(path, 'content');
    else if (node === 'link')
      symlinkSync(count % 2 === 0 ? outside : join(outside, 'precious'), path);
    else {
      mkdirSync(path);
      count += plant(path, node);
    }
  }
  return count;
}

describe('a directory that is removed', () => {
  it('is gone with all that is in it, and nothing outside of it is touched, whatever links there are', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (planted) => {
        mkdirSync(inside, { recursive: true });
        const count = plant(inside, planted);
        const listed = await removeTree(inside, everything, false);
        expect(listed.removed).toHaveLength(count + 1);
        const { left, removed } = await removeTree(inside, everything, true);
        expect(removed).toEqual(listed.removed);
        expect(left).toEqual([]);
        expect(existsSync(inside)).toBe(false);
        stillPrecious();
      }),
      { numRuns: 60 },
    );
  });

  it('keeps what is not selected, itself then too, and says how much that is', async () => {
    writeFileSync(join(inside, 'ours'), '');
    writeFileSync(join(inside, 'theirs'), '');
    const selection: Selection = { ...everything, isOurs: ([first]) => first === 'ours' };
    const { left, removed } = await removeTree(inside, selection, true);
    expect(removed).toEqual([{ path: join(inside, 'ours'), kind: 'file' }]);
    expect(left).toEqual([{ path: inside, why: "1 files in it are not the agent's" }]);
    expect(readdirSync(inside)).toEqual(['theirs']);
  });

  it('is not followed where it is a symbolic link itself', async () => {
    rmSync(inside, { recursive: true });
    symlinkSync(outside, inside);
    const { left, removed } = await removeTree(inside, everything, true);
    expect(removed).toEqual([]);
    expect(left).toEqual([
      { path: inside, why: expect.stringContaining('which is not followed') as unknown },
    ]);
    stillPrecious();
    expect(lstatSync(inside).isSymbolicLink()).toBe(true);
  });

  it('that is not there is none', async () => {
    expect(await removeTree(join(root, 'nowhere'), everything, true)).toEqual({
      removed: [],
      left: [],
    });
  });
});

describe('a secret', () => {
  it('is overwritten before its name goes, so that who has it open reads nothing of it', async () => {
    const path = join(inside, 'module.key');
    writeFileSync(path, 'very secret');
    writeFileSync(join(inside, 'agent.json'), '{}');
    const open = openSync(path, 'r');
    const { removed } = await removeTree(inside, everything, true);
    expect(removed).toContainEqual({ path, kind: 'file', secret: {} });
    expect(removed).toContainEqual({ path: join(inside, 'agent.json'), kind: 'file' });
    const buffer = Buffer.alloc(32);
    expect(buffer.subarray(0, readSync(open, buffer, 0, 32, 0)).toString()).not.toContain('secret');
  });

  it('with another name keeps its content, which others may need, and that is said', async () => {
    const path = join(inside, 'module.key');
    linkSync(join(outside, 'precious'), path);
    const { removed } = await removeTree(inside, everything, true);
    expect(removed).toContainEqual({
      path,
      kind: 'file',
      secret: { notOverwritten: 'the file has other names as well' },
    });
    stillPrecious();
  });

  it('that is a link is a link: what it leads to stays', async () => {
    symlinkSync(join(outside, 'precious'), join(inside, 'module.key'));
    await removeTree(inside, everything, true);
    expect(existsSync(inside)).toBe(false);
    stillPrecious();
  });
});
