import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.js';
import { quoted } from '../base/quote.js';
import { printable } from '../base/text.js';
import { evaluateObject, type Outcome, report, shown } from './evaluate-object.js';
import { readMicroAgent } from './read-micro-agent.js';
import { own, type Rejection, sentence } from './rejection.js';
import {
  chooseDialect,
  contractObjectName,
  earlyObjectName,
  type TwinDialect,
  twinDialects,
} from './twin-dialects.js';
import { configurationObjectName, type TwinSettings } from './twin-settings.js';

/** What a whole desired document comes to. */
export interface Evaluation extends Outcome {
  /** In which of its dialects the twin says the settings. */
  readonly dialect: TwinDialect;
}

/**
 * Turns a whole desired document into the settings in force, whichever of its dialects it is written in. A value that
 * cannot be used is rejected alone: its key keeps the value in `previous`, or else its default. A key that is absent has
 * its default. Where several dialects stand side by side the first of `twinDialects` wins, and that is told. Never throws,
 * whatever the document holds.
 * @param previous the settings in force until now
 */
export function evaluateTwin(
  desired: JsonObject,
  previous: TwinSettings | undefined,
  namedObject = configurationObjectName,
): Evaluation {
  const objectName = contractObjectName(namedObject);
  const { dialect, ignored } = chooseDialect(desired, objectName);
  const outcome = evaluateAs(dialect, desired, previous, objectName);
  if (ignored.length === 0) return { ...outcome, dialect };
  const name = dialect === 'earlyContract' ? earlyObjectName : objectName;
  const others = ignored.map((each) => twinDialects[each].title).join(' and ');
  const conflict: Rejection = {
    key: printable(name, 256),
    errorType: 'Conflict',
    reason: sentence(`The twin also holds ${others}, without effect: remove one of them.`),
    used: twinDialects[dialect].title,
  };
  return { ...outcome, problems: [...outcome.problems, conflict], dialect };
}

function evaluateAs(
  dialect: TwinDialect,
  desired: JsonObject,
  previous: TwinSettings | undefined,
  objectName: string,
): Outcome {
  switch (dialect) {
    case 'contract':
      return evaluateNamed(own(desired, objectName), previous, objectName);
    case 'earlyContract': {
      const object = own(desired, earlyObjectName);
      return evaluateNamed(
        object !== undefined && isJsonObject(object) ? wrapped(object) : object,
        previous,
        earlyObjectName,
      );
    }
    case 'microAgent': {
      const { asked, object, problems, unknown } = readMicroAgent(desired, previous);
      const outcome = evaluateObject(object, previous);
      return {
        ...outcome,
        asked,
        problems: [...problems, ...outcome.problems],
        unknownKeys: shown(unknown),
      };
    }
    case 'none':
      return evaluateObject({}, previous);
  }
}

/** Bare values as the contract of today has them. */
function wrapped(object: JsonObject): JsonObject {
  const members = Object.entries(object).map(([key, value]) => [
    key,
    value === null || typeof value === 'object' ? value : { value },
  ]);
  return Object.fromEntries(members) as JsonObject;
}

function evaluateNamed(
  object: JsonValue | undefined,
  previous: TwinSettings | undefined,
  objectName: string,
): Outcome {
  if (object !== undefined && isJsonObject(object)) return evaluateObject(object, previous);
  const problem: Rejection = {
    key: objectName,
    errorType: 'TypeMismatch',
    reason: sentence(
      `${printable(objectName, 80)} is ${quoted(object ?? null)}, but must be an object with a member per setting; ` +
        `the ${previous ? 'settings in force stay' : 'defaults are used'}.`,
    ),
    used: previous ? 'the settings in force before' : 'the defaults',
  };
  const settings = previous ?? evaluateObject({}, undefined).settings;
  return {
    settings,
    problems: [problem],
    reported: report(settings),
    unknownKeys: [],
    asked: new Set(),
  };
}
