// A rule of the linter: imports follow the order of folders in layers.mjs.
import { dirname, relative, resolve } from 'node:path';
import { root } from './bootstrap.mjs';
import { objection } from './layers.mjs';

export const followLayers = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const check = ({ source }) => {
      if (typeof source?.value !== 'string' || !source.value.startsWith('.')) return;
      const file = relative(root, context.filename);
      const target = relative(root, resolve(dirname(context.filename), source.value));
      const message = objection(file, target.replace(/\.js$/, '.ts'));
      if (message !== undefined) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};
