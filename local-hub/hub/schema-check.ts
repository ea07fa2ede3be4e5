import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import * as formats from 'ajv-formats';
import type { EventDeclaration } from '../../contract/declaration.js';
import { eventDeclarations } from '../../contract/events.js';
import diagnostic from '../schemas/messageEventDiagnostic_v1_0.json' with { type: 'json' };
import connectedHardware from '../schemas/messageEventSecurityConnectedHardware_v1_0.json' with { type: 'json' };
import connectionCreate from '../schemas/messageEventSecurityConnectionCreate_v1_0.json' with { type: 'json' };
import firewallConfiguration from '../schemas/messageEventSecurityFirewallConfiguration_v1_0.json' with { type: 'json' };
import listeningPorts from '../schemas/messageEventSecurityListeningPorts_v1_0.json' with { type: 'json' };
import localUsers from '../schemas/messageEventSecurityLocalUsers_v1_0.json' with { type: 'json' };
import login from '../schemas/messageEventSecurityLogin_v1_0.json' with { type: 'json' };
import osBaseline from '../schemas/messageEventSecurityOSBaseline_v1_0.json' with { type: 'json' };
import processCreate from '../schemas/messageEventSecurityProcessCreate_v1_0.json' with { type: 'json' };
import processTerminate from '../schemas/messageEventSecurityProcessTerminate_v1_0.json' with { type: 'json' };
import systemInformation from '../schemas/messageEventSecuritySystemInformation_v1_0.json' with { type: 'json' };
import typeDefinitions from '../schemas/messageEventTypeDefinitions_v1_0.json' with { type: 'json' };
import configurationError from '../schemas/messageOperationalEventConfigurationError_v1_0.json' with { type: 'json' };
import droppedEvents from '../schemas/messageOperationalEventDroppedEvents_v1_0.json' with { type: 'json' };
import messageStatistics from '../schemas/messageOperationalEventMessageStatistics_v1_0.json' with { type: 'json' };
import root from '../schemas/messageRoot.json' with { type: 'json' };
import message from '../schemas/message_v1_0.json' with { type: 'json' };
import { type EventSchema, ownSchemas } from './own-events.js';

const publicSchemas: readonly EventSchema[] = [
  connectedHardware,
  connectionCreate,
  diagnostic,
  firewallConfiguration,
  listeningPorts,
  localUsers,
  login,
  osBaseline,
  processCreate,
  processTerminate,
  systemInformation,
  configurationError,
  droppedEvents,
  messageStatistics,
];

const securityInterface = 'urn:azureiot:Security:SecurityAgent:1';
const mostProblems = 10;

function inWords(error: ErrorObject, where: string): string {
  const place = `${where}${error.instancePath}`.slice(1);
  const details: unknown = Object.values(error.params)[0];
  const suffix =
    error.keyword === 'enum' || error.keyword === 'additionalProperties'
      ? ` (${JSON.stringify(details)})`
      : '';
  return `${place || 'the message'} ${error.message ?? error.keyword}${suffix}`;
}

const eventRules = 'message_v1_0.json#/properties/Events/items/oneOf/0/allOf';

type Declarations = Readonly<Record<string, EventDeclaration>>;

/** The public schema of a message, which also takes the given events. */
function messageThatAlsoTakes(own: readonly EventSchema[]): object {
  const extended = structuredClone(message);
  const [event] = extended.properties.Events.items.oneOf;
  const kinds = event?.allOf.find((rule) => rule.description === 'Event categories and types');
  if (kinds?.oneOf === undefined)
    throw new Error('The schema of a message does not list its events where it is expected to.');
  const refs: object[] = kinds.oneOf;
  for (const { $id } of own) refs.push({ $ref: `${$id}#` });
  return extended;
}

interface Validators {
  readonly whole: ValidateFunction;
  /** What all events have in common. */
  readonly anyEvent: () => ValidateFunction;
  readonly eventByName: (name: string) => ValidateFunction | undefined;
}

function compile(declarations: Declarations): Validators {
  const own = ownSchemas(declarations);
  const eventSchemas = [...publicSchemas, ...own];
  // Not strict: the schemas hold a keyword of their own ("boolean") that means nothing.
  const ajv = new Ajv({
    strict: false,
    allErrors: true,
    schemas: [typeDefinitions, messageThatAlsoTakes(own)],
  });
  formats.default.default(ajv, ['date-time', 'ipv4', 'ipv6']);
  for (const schema of eventSchemas) ajv.addSchema(schema);
  const idByName = new Map(
    eventSchemas.flatMap(({ $id, properties }) =>
      properties.Name.enum.map((name) => [name, $id] as const),
    ),
  );
  // Only a message with a problem is looked at in parts.
  const parts = new Map<string, ValidateFunction>();
  const part = ($ref: string): ValidateFunction => {
    const validator = parts.get($ref) ?? ajv.compile({ $ref });
    parts.set($ref, validator);
    return validator;
  };
  return {
    whole: ajv.compile(root),
    anyEvent: () => part(`${eventRules}/0`),
    eventByName: (name) => {
      const id = idByName.get(name);
      return id === undefined ? undefined : part(id);
    },
  };
}

/** A hub is soon started, and to compile takes longer: once in a process, and not before a message comes. */
const compiled = new WeakMap<Declarations, Validators>();

/**
 * Checks messages against the public message schemas, version 1.0, and the events that these do not know against our own
 * declarations.
 */
export class SchemaCheck {
  readonly #declarations: Declarations;

  constructor(declarations: Declarations = eventDeclarations) {
    this.#declarations = declarations;
  }

  get #validators(): Validators {
    const validators = compiled.get(this.#declarations) ?? compile(this.#declarations);
    compiled.set(this.#declarations, validators);
    return validators;
  }

  /** Answers what is wrong, at most ten sentences; an empty array means valid. */
  problems(json: unknown): readonly string[] {
    const { whole } = this.#validators;
    const valid: boolean = whole(json);
    if (valid) return [];
    const envelope = (whole.errors ?? [])
      .filter(({ keyword, instancePath }) => keyword !== 'oneOf' && !/^.Events./.test(instancePath))
      .map((error) => inWords(error, ''));
    const events: unknown =
      typeof json === 'object' && json !== null && 'Events' in json ? json.Events : undefined;
    const inEvents = Array.isArray(events)
      ? events.flatMap((event: unknown, index) => this.#inEvent(event, `/Events/${index}`))
      : [];
    const found = [...new Set([...envelope, ...inEvents])];
    if (found.length === 0) found.push('Category, IsEmpty and Payload of an event contradict');
    return found.slice(0, mostProblems);
  }

  #inEvent(event: unknown, where: string): readonly string[] {
    const validators = this.#validators;
    const anyEvent = validators.anyEvent();
    const common = anyEvent(event) ? [] : (anyEvent.errors ?? []);
    const name =
      typeof event === 'object' && event !== null && 'Name' in event ? event.Name : undefined;
    const own = typeof name === 'string' ? validators.eventByName(name) : undefined;
    const errors = own === undefined || own(event) ? common : [...common, ...(own.errors ?? [])];
    const sentences = errors.map((error) => inWords(error, where));
    if (own === undefined) {
      sentences.push(`${where.slice(1)} is no event of the schema: Name ${JSON.stringify(name)}`);
    }
    return sentences;
  }
}

/** Whether a message claims to be a security message: by its marker, or by the look of its body. */
export function isSecurityMessage(
  json: unknown,
  systemProperties: Readonly<Record<string, string>>,
): boolean {
  if (systemProperties['$.ifid'] === securityInterface) return true;
  return (
    typeof json === 'object' &&
    json !== null &&
    ('Events' in json || 'MessageSchemaVersion' in json)
  );
}
