import { reference } from '../contract/reference.js';
import { baselineReference } from './os-baseline/reference.js';
import { collectors } from './registry.js';

/** What is derived from the declarations and kept in the repository: text by path from the root of the project. */
export function generatedFiles(): Readonly<Record<string, string>> {
  return {
    'contract/reference.generated.md': reference(collectors.map(({ name }) => name)),
    'collectors/os-baseline/reference.generated.md': baselineReference(),
  };
}
