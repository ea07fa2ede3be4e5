import type { EventDeclaration, Field, Kind } from '../../contract/declaration.js';

const types = 'messageEventTypeDefinitions_v1_0.json#';

function schemaOfKind(kind: Kind): object {
  if (typeof kind !== 'string') return { type: 'string', enum: kind };
  return kind === 'ip' ? { $ref: `${types}/ip` } : { type: kind };
}

function requiredNames(fields: Readonly<Record<string, Field>>): string[] {
  return Object.keys(fields).filter((name) => fields[name]?.required === true);
}

export interface EventSchema {
  readonly $id: string;
  readonly properties: { readonly Name: { readonly enum: readonly string[] } };
}

/**
 * The schema of an event that the public schemas do not know, made of its declaration and in the shape of theirs, so that
 * it stands among them.
 */
function schemaOfOwnEvent(name: string, declaration: EventDeclaration): EventSchema {
  const { category, type, fields, oneOf } = declaration;
  const properties = Object.fromEntries(
    Object.entries(fields).map(([field, { kind }]) => [field, schemaOfKind(kind)]),
  );
  const items = {
    type: 'object',
    properties: { ...properties, ExtraDetails: { $ref: `${types}/extradetails` } },
    additionalProperties: false,
    required: requiredNames(fields),
    ...(oneOf !== undefined && { anyOf: oneOf.map((field) => ({ required: [field] })) }),
  };
  const shape = {
    $id: `own${name}.json`,
    type: 'object',
    properties: {
      Category: { enum: [category] },
      Name: { enum: [name] },
      EventType: { enum: [type] },
      PayloadSchemaVersion: { enum: ['1.0'] },
      Payload: { type: 'array', items },
    },
  };
  return shape;
}

/** The declarations of the events that the public schemas do not know, as schemas. */
export function ownSchemas(
  declarations: Readonly<Record<string, EventDeclaration>>,
): readonly EventSchema[] {
  return Object.entries(declarations).flatMap(([name, declaration]) =>
    declaration.ours === true ? [schemaOfOwnEvent(name, declaration)] : [],
  );
}
