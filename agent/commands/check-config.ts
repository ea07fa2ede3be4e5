import { systemClock } from '../../base/clock.js';
import { FileError, readTextFile } from '../../base/bounded-file.js';
import { exitCodes } from '../../base/exit-codes.js';
import { isJsonObject, JsonError, parseJson } from '../../base/json.js';
import type { JsonObject } from '../../base/json.js';
import { quoted } from '../../base/quote.js';
import { collectors } from '../../collectors/registry.js';
import { detectionSettings } from '../../config/detection-settings.js';
import { evaluateTwin, type Evaluation } from '../../config/evaluate-twin.js';
import type { LocalSettings } from '../../config/local-settings.js';
import { readLocalSettings, defaultConfigFile } from '../../config/read-local-settings.js';
import type { Rejection } from '../../config/rejection.js';
import { Settings } from '../../config/settings.js';
import { earlyObjectName, type TwinDialect, twinDialects } from '../../config/twin-dialects.js';
import { configurationObjectName, eventOfSetting } from '../../config/twin-settings.js';
import { createCredentialSource } from '../identity/credential-source.js';
import { CredentialError } from '../identity/credentials/credential-error.js';
import { checkCertificate } from '../identity/credentials/proof.js';
import { loadTrustedCertificates } from '../identity/credentials/trusted-certificates.js';
import { builtinRulesDirectory, localRulesDirectory } from '../rule-supply/places.js';
import { surroundingsOf } from '../identity/modes/surroundings.js';
import { stateDirectoryFault } from '../state/state-directory.js';
import { configOption, type Command } from './command.js';

export const checkConfigCommand: Command = {
  name: 'check-config',
  meaning: 'Checks the local configuration, its credentials and a twin; exit 0 or 78.',
  options: {
    config: configOption,
    twin: {
      type: 'string',
      value: 'FILE',
      meaning: 'A twin, or its desired properties, as JSON.',
    },
  },
  run: (parsed) => {
    const twinFile = parsed.text('twin');
    return checkConfig({
      configFile: parsed.text('config') ?? defaultConfigFile,
      ...(twinFile === undefined ? {} : { twinFile }),
      write: (text) => void process.stdout.write(text),
    });
  },
};

interface CheckConfigOptions {
  readonly configFile: string;
  /** A whole twin, `{"desired": …}`, or a desired document. */
  readonly twinFile?: string;
  /** Takes whole lines, each with its line feed. */
  readonly write: (text: string) => void;
}

/** Desired and reported hold 32 KB each, and metadata several times that. */
const maxTwinBytes = 1_048_576;

/**
 * Checks the local file, the credentials that it names and, where given, a twin, and writes every problem on a line of
 * its own. Nothing is changed and nothing is connected to.
 * @returns the exit code: 78 when something would not be used as written because it is wrong; a value that is clamped
 * or unwise is told but does not count
 */
export async function checkConfig(options: CheckConfigOptions): Promise<number> {
  const { configFile, twinFile, write } = options;
  const local = await readLocalSettings(configFile);
  const problems =
    'problems' in local
      ? local.problems.map((problem) => problem.message)
      : (await problemsOf(local.settings)).map((problem) => `${configFile}: ${problem}`);
  for (const problem of problems) write(`${problem}\n`);
  if (problems.length === 0) write(`${configFile} and the credentials it names can be used.\n`);
  const objectName =
    'settings' in local ? local.settings.remoteConfigurationObjectName : configurationObjectName;
  const twinUsable = twinFile === undefined || (await checkTwin(twinFile, objectName, write));
  return problems.length === 0 && twinUsable ? exitCodes.stopped : exitCodes.configuration;
}

async function problemsOf(settings: LocalSettings): Promise<readonly string[]> {
  return [
    ...(await credentialProblems(settings)),
    ...(await stateDirectoryProblems(settings.stateDirectory)),
  ];
}

/** Who runs the agent need not be who asks, so that the owner is left to "doctor". */
async function stateDirectoryProblems(path: string): Promise<readonly string[]> {
  try {
    const fault = await stateDirectoryFault(path, undefined);
    return fault === undefined ? [] : [`stateDirectory: ${fault.fault}; ${fault.remedy}.`];
  } catch {
    // This user may not look there.
    return [];
  }
}

async function credentialProblems(settings: LocalSettings): Promise<readonly string[]> {
  const { trustedCaFile, ...others } = settings;
  const surroundings = surroundingsOf(process.env, settings.requestTimeout.ms);
  const outcomes = await Promise.allSettled([
    createCredentialSource(others, surroundings).check(),
    checkCertificate(settings.identity, surroundings.access, Date.now()),
    ...(trustedCaFile === undefined ? [] : [loadTrustedCertificates(trustedCaFile)]),
  ]);
  const problems = outcomes.flatMap((outcome) => {
    if (outcome.status === 'fulfilled') return [];
    if (outcome.reason instanceof CredentialError) return [outcome.reason.message];
    throw outcome.reason;
  });
  return [...new Set(problems)];
}

async function checkTwin(
  twinFile: string,
  objectName: string,
  write: (text: string) => void,
): Promise<boolean> {
  const desired = await readDesired(twinFile);
  if (typeof desired === 'string') {
    write(`${desired}\n`);
    return false;
  }
  const evaluation = evaluateTwin(desired, undefined, objectName);
  const { asked, dialect, unknownKeys } = evaluation;
  const problems = [...evaluation.problems, ...(await ruleProblems(evaluation))];
  write(told[dialect](twinFile, objectName));
  const effects = { TypeMismatch: 'rejected', NotOptimal: 'not optimal', Conflict: 'conflict' };
  for (const { errorType, reason } of problems) {
    write(`${twinFile}: ${effects[errorType]}: ${reason}\n`);
  }
  for (const key of unknownKeys) {
    write(`${twinFile}: ignored: ${quoted(key)} is not a setting; remove or correct it.\n`);
  }
  for (const [key, event] of withoutCollector(asked)) {
    write(`${twinFile}: without effect: ${key}: this version collects no ${event} events.\n`);
  }
  const isUsable = problems.every(({ errorType }) => errorType !== 'TypeMismatch');
  if (isUsable) write(`${twinFile} can be used.\n`);
  return isUsable;
}

/** What of the rules of detection in the twin cannot be used, beside the rules that are on this machine. */
async function ruleProblems(evaluation: Evaluation): Promise<readonly Rejection[]> {
  if (![...evaluation.asked].some((key) => Object.hasOwn(detectionSettings, key))) return [];
  const { RuleSupply } = await import('../rule-supply/rule-supply.js');
  const settings = new Settings(evaluation);
  const supply = await RuleSupply.open({
    builtinDirectory: builtinRulesDirectory(),
    rulesDirectory: localRulesDirectory,
    settings,
    clock: systemClock,
    // What is wrong with the files of the device is told by "rules check".
    log: { info: () => undefined, warn: () => undefined },
  });
  supply.close();
  return settings.findings;
}

/** What is to be known of how the twin says the settings. */
const told: Record<TwinDialect, (twinFile: string, objectName: string) => string> = {
  contract: () => '',
  earlyContract: (twinFile, objectName) =>
    `${twinFile} holds ${twinDialects.earlyContract.title}, ${earlyObjectName}: move it to ${objectName}.\n`,
  microAgent: (twinFile) => `${twinFile} holds ${twinDialects.microAgent.title}.\n`,
  none: (twinFile, objectName) =>
    `${twinFile} holds no ${objectName}, so that every setting would have its default.\n`,
};

/** The settings that the twin says something of and are about events that no collector produces, each with its event. */
function withoutCollector(asked: Iterable<string>): readonly (readonly [string, string])[] {
  return [...asked].flatMap((key) => {
    const event = eventOfSetting(key);
    const isIdle = event !== undefined && !collectors.some(({ name }) => name === event);
    return isIdle ? [[key, event] as const] : [];
  });
}

/** The desired document in a file, or the sentence that says why there is none. */
async function readDesired(twinFile: string): Promise<JsonObject | string> {
  try {
    const { text } = await readTextFile(twinFile, maxTwinBytes);
    const document = parseJson(text.replace(/^\uFEFF/, ''));
    const twin = isJsonObject(document) ? (document['properties'] ?? document) : document;
    const desired = isJsonObject(twin) ? (twin['desired'] ?? twin) : twin;
    return isJsonObject(desired)
      ? desired
      : `${twinFile}: the desired document is ${quoted(desired)}, but must be an object.`;
  } catch (error) {
    if (error instanceof FileError) return `${twinFile} ${error.message}.`;
    if (error instanceof JsonError) return `${twinFile} is not valid JSON: ${error.message}.`;
    throw error;
  }
}
