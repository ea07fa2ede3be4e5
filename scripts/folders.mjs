// npm run folders: which folder imports from which, in their order, and what is against it.
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './bootstrap.mjs';
import { layers, layerOf, objection, productFolders } from './layers.mjs';

/** `from '…'`, `import '…'` and `import('…')` of a file of ours. */
const importExpression = /\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g;

/** The files of the product by their path from the root, each with the files and data that it imports, types included. */
export function importGraph() {
  const files = productFolders.flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
  );
  const targetsOf = (file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(importExpression)].map(([, path]) =>
      join(dirname(file), path).replace(/\.js$/, '.ts'),
    );
  return new Map(files.sort().map((file) => [file, new Set(targetsOf(file))]));
}

/** The imports that go against the order, and the files whose folder is not in it, a sentence each. */
export function againstOrder(graph) {
  return [...graph].flatMap(([file, targets]) =>
    [...targets].flatMap((target) => {
      const sentence = objection(file, target);
      return sentence === undefined ? [] : [`${file} imports ${target}: ${sentence}`];
    }),
  );
}

/** Layers without a file, and folders with files that are no layer. */
export function notInTree(graph) {
  const folders = new Set([...graph.keys()].map((file) => dirname(file)));
  return [
    ...layers.filter((layer) => !folders.has(layer)).map((layer) => `${layer}/ holds no code.`),
    ...[...folders]
      .filter((folder) => !layers.includes(folder))
      .map((folder) => `${folder}/ has no place in scripts/layers.mjs.`),
  ];
}

/** The lists of nodes that reach one another, from a map of what each leads to (Tarjan's algorithm). */
export function circles(graph) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const found = [];
  const visit = (node) => {
    index.set(node, index.size);
    low.set(node, index.get(node));
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node), low.get(next)));
    }
    if (low.get(node) !== index.get(node)) return;
    const members = stack.splice(stack.indexOf(node));
    if (members.length > 1) found.push(members.sort());
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

/** The graph of folders: each with the other folders that its files import from. */
export function folderGraph(graph) {
  const folders = new Map(layers.map((layer) => [layer, new Set()]));
  for (const [file, targets] of graph)
    for (const target of targets) {
      const [from, to] = [layerOf(file), layerOf(target)];
      if (from !== undefined && to !== undefined && from !== to) folders.get(from).add(to);
    }
  return folders;
}

function main() {
  const graph = importGraph();
  const folders = folderGraph(graph);
  const width = Math.max(...layers.map((layer) => layer.length));
  for (const layer of layers) {
    const imported = layers.filter((other) => folders.get(layer).has(other));
    console.log(`${layer.padEnd(width)}  ${imported.join(' ')}`.trimEnd());
  }
  const lumps = circles(folders);
  const rings = circles(graph);
  console.log(
    `\n${layers.length} folders, ${graph.size} files; ${lumps.length} circles of folders, ${rings.length} circles of files.`,
  );
  const problems = [
    ...notInTree(graph),
    ...againstOrder(graph),
    ...[...lumps, ...rings].map((members) => `These import one another: ${members.join(' ')}`),
  ];
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url)) main();
