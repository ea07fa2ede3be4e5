import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { architectureSvg } from '../../scripts/architecture.mjs';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const pages = ['.', 'docs', 'examples'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

/** The anchor that a heading gets on the pages of a repository. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (path: string): string[] =>
  [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

describe('the pages', () => {
  it.each(pages)('%s links to what there is', (page) => {
    const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    for (const link of links.filter((target) => !/^https?:/.test(target))) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      expect(existsSync(join(root, target)), `${page} links to ${link}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(target), `${page}: ${link}`).toContain(anchor);
    }
  });

  it.each(pages)('%s names files that there are', (page) => {
    const named = [...read(page).matchAll(/`((?:[a-z-]+\/)+[\w.-]*\.(?:ts|mjs|md|json|svg))`/g)];
    for (const [, path = ''] of named) {
      const places = [path, join(dirname(page), path)];
      expect(
        places.some((place) => existsSync(join(root, place))),
        `${page}: ${path}`,
      ).toBe(true);
    }
  });

  it('README takes five minutes to read', () => {
    expect(Buffer.byteLength(read('README.md'))).toBeLessThanOrEqual(7000);
  });

  it('docs/architecture.svg shows the folders in their order (else run: npm run generate)', () => {
    expect(read('docs/architecture.svg')).toBe(architectureSvg());
  });
});
