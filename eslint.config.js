import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import { productFolders } from './scripts/layers.mjs';
import { followLayers } from './scripts/layers-rule.mjs';

const product = productFolders.map((folder) => `${folder}/**/*.ts`);
const sdk = { group: ['azure-iot-*'], message: 'Only agent/hub/sdk-*.ts talk to the SDK.' };
const programs = {
  group: ['node:child_process', 'child_process', 'systeminformation'],
  message: 'The agent starts no programs; what needs one is in inventory/.',
};
const forbidden = (patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });

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
  {
    files: product,
    plugins: { project: { rules: { 'follow-layers': followLayers } } },
    rules: { 'project/follow-layers': 'error' },
  },
  { files: product, ignores: ['local-hub/**', 'inventory/**'], rules: forbidden([sdk, programs]) },
  { files: ['agent/hub/sdk-*.ts'], rules: forbidden([programs]) },
);
