import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';

/** How a number or a choice appears in the Prometheus text; the name comes behind `iot_security_agent_`. */
export interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
}

interface Declared {
  readonly meaning: string;
  readonly optional?: true;
  readonly metric?: Metric;
}

export type Field =
  | (Declared & { readonly kind: 'text' | 'number' | 'truth' })
  | (Declared & { readonly kind: 'choice'; readonly values: readonly string[] })
  | (Declared & { readonly kind: 'list'; readonly of: Field })
  | (Declared & { readonly kind: 'group'; readonly fields: Readonly<Record<string, Field>> })
  /** An object whose keys are data; `label` says what a key is. */
  | (Declared & { readonly kind: 'map'; readonly label: string; readonly of: Field });

type OptionalKeys<G> = {
  [K in keyof G]: G[K] extends { readonly optional: true } ? K : never;
}[keyof G];

type GroupOf<G extends Readonly<Record<string, Field>>> = {
  readonly [K in Exclude<keyof G, OptionalKeys<G>>]: ValueOf<G[K]>;
} & { readonly [K in OptionalKeys<G>]?: ValueOf<G[K]> };

/** The type of what a declaration describes. */
export type ValueOf<F> = F extends { kind: 'choice'; values: readonly (infer V)[] }
  ? V
  : F extends { kind: 'text' }
    ? string
    : F extends { kind: 'number' }
      ? number
      : F extends { kind: 'truth' }
        ? boolean
        : F extends { kind: 'list'; of: infer E }
          ? readonly ValueOf<E>[]
          : F extends { kind: 'map'; of: infer E }
            ? Readonly<Record<string, ValueOf<E>>>
            : F extends { kind: 'group'; fields: infer G extends Readonly<Record<string, Field>> }
              ? GroupOf<G>
              : never;

/** Where a value is not what the declaration says, as a path; undefined when it fits. Keys not declared are no fault. */
export function misfit(field: Field, value: JsonValue | undefined, path = ''): string | undefined {
  if (value === undefined) return field.optional === true ? undefined : path;
  switch (field.kind) {
    case 'text':
      return typeof value === 'string' ? undefined : path;
    case 'number':
      return typeof value === 'number' ? undefined : path;
    case 'truth':
      return typeof value === 'boolean' ? undefined : path;
    case 'choice':
      return typeof value === 'string' && field.values.includes(value) ? undefined : path;
    case 'list':
      if (!Array.isArray(value)) return path;
      return first(
        (value as readonly JsonValue[]).map((entry, index) =>
          misfit(field.of, entry, `${path}[${index}]`),
        ),
      );
    case 'map':
      if (!isJsonObject(value)) return path;
      return first(
        Object.entries(value).map(([key, entry]) => misfit(field.of, entry, `${path}.${key}`)),
      );
    case 'group':
      if (!isJsonObject(value)) return path;
      return first(
        Object.entries(field.fields).map(([key, entry]) =>
          misfit(entry, own(value, key), `${path}.${key}`),
        ),
      );
  }
}

function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function first(paths: readonly (string | undefined)[]): string | undefined {
  return paths.find((path) => path !== undefined);
}
