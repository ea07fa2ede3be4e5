import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Which folder may import from which: the data travels one way, see README "How it is built". */
const boundary = (files, forbidden) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: forbidden }] },
});

const sdk = { group: ['azure-iot-*'], message: 'Only agent/hub/sdk-client.ts talks to the SDK.' };
const inventory = {
  group: ['systeminformation'],
  message: 'Only collectors/kernel/inventory.ts calls systeminformation.',
};
const children = {
  group: ['node:child_process', 'child_process'],
  message: 'The agent starts no programs.',
};
const folder = (name) => ({
  group: [`**/${name}/**`, `**/${name}`],
  message: `Nothing here may import from ${name}/.`,
});

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'scripts/no-blob-upload/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        clearTimeout: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
      },
    },
  },
  boundary(['agent/**/*.ts'], [sdk, inventory, children, folder('local-hub')]),
  boundary(['agent/hub/sdk-client.ts'], [inventory, children]),
  boundary(['agent/commands/local-hub.ts'], [sdk, inventory, children]),
  boundary(
    ['collectors/**/*.ts'],
    [sdk, inventory, children, folder('agent'), folder('local-hub')],
  ),
  boundary(
    ['contract/**/*.ts'],
    [folder('agent'), folder('collectors'), folder('config'), folder('local-hub')],
  ),
  boundary(['config/**/*.ts'], [folder('agent'), folder('collectors'), folder('local-hub')]),
  boundary(['local-hub/**/*.ts'], [folder('agent'), folder('collectors')]),
);
