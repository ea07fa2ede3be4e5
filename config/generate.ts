import type { JsonObject } from '../base/json.js';
import { localSchema, twinSchema } from './json-schema.js';
import { reference } from './reference.js';

/** What is derived from the declarations and kept in the repository: text by path from the root of the project. */
export function generatedFiles(): Readonly<Record<string, string>> {
  const json = (schema: JsonObject): string => `${JSON.stringify(schema, null, 2)}\n`;
  return {
    'config/agent.schema.json': json(localSchema()),
    'config/twin.schema.json': json(twinSchema()),
    'config/reference.generated.md': reference(),
  };
}
