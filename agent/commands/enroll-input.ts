import { stat } from 'node:fs/promises';
import { FileError, readBoundedFile, readTextFile } from '../../base/bounded-file.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import {
  type Given,
  type GivenIdentity,
  givenNames,
  identityModes,
  type Missing,
  optionOfName,
} from '../enroll/given.js';
import { readGiven } from '../enroll/identity-given.js';
import { isBase64, isCutShort } from '../identity/credentials/connection-string.js';
import { readLine, readSecret } from '../enroll/secret-input.js';
import { unusable } from '../enroll/settings-file.js';
import type { OptionDeclaration, ParsedArguments } from './command.js';

const file = (meaning: string) => ({ type: 'string', value: 'FILE', meaning }) as const;
const text = (value: string, meaning: string) => ({ type: 'string', value, meaning }) as const;

/** What says who the device is. A secret is in a file or typed, never in an argument, which others can see. */
export const identityOptions = {
  'connection-string-file': file(
    'File that holds the connection string of the module or of the device; otherwise it is read from standard input, never from an argument.',
  ),
  'key-file': file('File that holds the symmetric key of the module, the device or the enrolment.'),
  'group-key-file': file(
    'File that holds the key of an enrolment group; that of this device is derived from it, and it is not kept.',
  ),
  'certificate-file': file(
    'File that holds the certificate, with those that lead to its authority; PEM or PKCS#12.',
  ),
  'private-key-file': file('File that holds its private key, where the certificate does not.'),
  'password-file': file('File that holds the password of the private key or of the PKCS#12 file.'),
  mode: text(
    'MODE',
    'Whose secret it is: module, device, dps or edge (IoT Edge signs); recognised where it can be.',
  ),
  'host-name': text('HOST', 'The IoT Hub, where no connection string names it.'),
  'device-id': text('ID', 'The device, where no connection string names it.'),
  'module-id': text('ID', 'The module; azureiotsecurity unless it is another one.'),
  'id-scope': text('SCOPE', 'The ID scope of the provisioning service.'),
  'registration-id': text('ID', 'The registration id of the device in the provisioning service.'),
  register: {
    type: 'boolean',
    meaning: 'Let the agent register the device where nothing else provisions it.',
  },
} as const satisfies Record<string, OptionDeclaration>;

const identitySocket = '/run/aziot/identityd.sock';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads what was given, and asks for what is missing where somebody sits at a terminal. @throws CommandError */
export async function readIdentity(parsed: ParsedArguments): Promise<GivenIdentity> {
  const given = await fromOptions(parsed);
  let readInput = false;
  for (;;) {
    const read = readGiven(given);
    if (!('missing' in read)) return read;
    const { missing } = read;
    if (process.stdin.isTTY) {
      await ask(given, missing);
    } else if (missing === 'secret' && !readInput) {
      readInput = true;
      given.secret = await readSecret(process.stdin, () => undefined);
      if (given.secret.trim() === '' && given.mode === undefined && (await hasEdge()))
        given.mode = 'edge';
    } else throw unusable(lacking[missing]);
  }
}

async function fromOptions(parsed: ParsedArguments): Promise<Mutable<Given>> {
  const secretOptions = ['connection-string-file', 'key-file', 'group-key-file'] as const;
  const [secret, other] = secretOptions.filter((option) => parsed.text(option) !== undefined);
  if (secret !== undefined && other !== undefined)
    throw unusable(`--${secret} and --${other} both give a secret; leave one out`);
  const given: Mutable<Given> = { register: parsed.flag('register') };
  const mode = parsed.text('mode');
  const known = identityModes.find((name) => name === mode);
  if (mode !== undefined && known === undefined)
    throw unusable(`--mode is none of ${identityModes.join(', ')}`);
  if (known !== undefined) given.mode = known;
  for (const name of givenNames) {
    const value = parsed.text(optionOfName[name]);
    if (value !== undefined) given[name] = value;
  }
  if (secret !== undefined) given.secret = await readText(parsed.text(secret) ?? '', secret);
  if (secret === 'group-key-file') given.isGroupKey = true;
  const files = {
    certificate: 'certificate-file',
    privateKey: 'private-key-file',
    password: 'password-file',
  } as const;
  for (const [name, option] of Object.entries(files) as [keyof typeof files, string][]) {
    const path = parsed.text(option);
    if (path !== undefined) given[name] = await readBytes(path, option);
  }
  return given;
}

const questions: Readonly<Record<Exclude<Missing, 'secret' | 'certificate'>, string>> = {
  hostName: 'Name of the IoT Hub, such as myhub.azure-devices.net',
  deviceId: 'Id of the device',
  moduleId: 'Id of the module',
  idScope: 'ID scope of the provisioning service',
  registrationId: 'Registration id of the device',
};

const lacking: Readonly<Record<Missing, string>> = {
  secret: 'The input is empty; paste the connection string of the module',
  certificate:
    'The connection string says x509=true; name the certificate with --certificate-file, and its key with --private-key-file',
  hostName: 'Whose it is must be said, too: name the IoT Hub with --host-name',
  deviceId: 'Whose it is must be said, too: name the device with --device-id',
  moduleId: 'Name the module with --module-id',
  idScope: 'Name the ID scope of the provisioning service with --id-scope',
  registrationId: 'Name the registration id of the device with --registration-id',
};

const tell = (sentence: string): void => void process.stderr.write(sentence);

async function ask(given: Mutable<Given>, missing: Missing): Promise<void> {
  const { stdin } = process;
  if (missing === 'certificate') {
    given.certificate = await readBytes(
      await readLine(stdin, tell, 'File of the certificate'),
      'certificate-file',
    );
    if (!given.certificate.includes('PRIVATE KEY-----') && given.privateKey === undefined)
      given.privateKey = await readBytes(
        await readLine(stdin, tell, 'File of its private key'),
        'private-key-file',
      );
  } else if (missing === 'secret') {
    if (given.mode === undefined && (await hasEdge())) {
      const answer = await readLine(stdin, tell, 'IoT Edge runs here; let it sign (yes or no)');
      if (/^y/i.test(answer)) given.mode = 'edge';
      if (given.mode === 'edge') return;
    }
    given.secret = await readSecret(stdin, tell, secretQuestion(given));
    if (given.secret.trim() === '') throw unusable(lacking.secret);
  } else given[missing] = await readLine(stdin, tell, questions[missing]);
}

function secretQuestion({ idScope, mode, registrationId }: Given): string {
  if (mode === 'dps' || idScope !== undefined || registrationId !== undefined)
    return "Key of the device's enrolment";
  return mode === 'device'
    ? 'Connection string or key of the device'
    : 'Connection string of the module';
}

async function hasEdge(): Promise<boolean> {
  return (await stat(identitySocket).catch(() => undefined))?.isSocket() === true;
}

async function readText(path: string, option: string): Promise<string> {
  return reading(path, option, async () => (await readTextFile(path, largestBytes)).text);
}

const largestBytes = 65_536;

function readBytes(path: string, option: string): Promise<Buffer> {
  return reading(path, option, async () => (await readBoundedFile(path, largestBytes)).bytes);
}

/** What stands in place of the path may be the secret itself, so that no sentence repeats it. */
async function reading<T>(path: string, option: string, read: () => Promise<T>): Promise<T> {
  if (/SharedAccessKey/i.test(path)) throw secretInArgument(option, 'a connection string itself');
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (isBase64(path) && !isCutShort(path) && !path.startsWith('/'))
      throw secretInArgument(option, 'a key itself');
    throw new CommandError(
      `The file that --${option} names ${error.message}. Nothing was changed.`,
      error.kind === 'other-encoding' ? exitCodes.configuration : exitCodes.noPermission,
    );
  }
}

function secretInArgument(option: string, what: string): CommandError {
  return new CommandError(
    `--${option} names a file; what was given is ${what}, which other users of this device can see in an argument. Make a new key in the portal if there are such users, and put it into a file, or paste the connection string when this command asks for it. Nothing was changed.`,
    exitCodes.configuration,
  );
}
