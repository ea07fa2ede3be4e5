import { isJsonObject, JsonError, parseJson } from '../../base/json.js';
import { isCAgent, readCAgent } from './formats/c-agent.js';
import { readCSharpAgent } from './formats/csharp-agent.js';
import { parseKeyValueXml } from './formats/key-value-xml.js';
import {
  isConnectionString,
  isMicroConfiguration,
  isSysinfo,
  readMicroConfiguration,
  readMicroConnectionString,
  readSysinfo,
} from './formats/micro-agent.js';
import { desiredOf, readTwin } from './formats/twin.js';
import { type Findings, type GivenFile, ImportError } from './formats/findings.js';

const expected =
  "expected are a C agent's LocalConfiguration.json, a C# agent's General.config, Authentication.config or SecurityIotInterface.config, a micro agent's connection_string.txt, conf.json or sysinfo.json, or a saved module twin";

/** Reads a file of an old agent, which is told by what is in it, whatever it is called. @throws ImportError */
export function readOldFile(file: GivenFile): Findings {
  const text = file.text.replace(/^\uFEFF/, '').trimStart();
  if (text === '') throw new ImportError(`${file.path} is empty; ${expected}`);
  if (text.startsWith('<')) {
    const list = parseKeyValueXml(text);
    if ('fault' in list) throw new ImportError(`${file.path} ${list.fault}`);
    return readCSharpAgent(file, list);
  }
  if (isConnectionString(text)) return readMicroConnectionString({ ...file, text });
  if (text.startsWith('{')) return readJson(file, text);
  throw new ImportError(`${file.path} is of no old agent; ${expected}`);
}

function readJson(file: GivenFile, text: string): Findings {
  const document = parsed(file, text);
  if (isCAgent(document)) return readCAgent(file, document);
  if (isMicroConfiguration(document)) return readMicroConfiguration(file, document);
  if (isSysinfo(document)) return readSysinfo(file, document);
  const desired = desiredOf(document);
  if (desired !== undefined) return readTwin(file, desired);
  throw new ImportError(`${file.path} is JSON of no old agent; ${expected}`);
}

function parsed(file: GivenFile, text: string) {
  try {
    const document = parseJson(text);
    if (isJsonObject(document)) return document;
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new ImportError(
      `${file.path} is not valid JSON (line ${error.line}, column ${error.column}: ${error.fault})`,
    );
  }
  throw new ImportError(`${file.path} holds no JSON object; ${expected}`);
}
