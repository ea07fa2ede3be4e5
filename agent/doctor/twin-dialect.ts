import { isJsonObject, type JsonObject } from '../../base/json.js';

/** Which form of settings a module twin holds. */
export interface TwinForms {
  /** The object that this agent reads: how many settings are in it; undefined where it is not there. */
  readonly settings: number | undefined;
  /** The name that the object had until July 2019, where it is there. */
  readonly olderObject: string | undefined;
  /** How many settings of the micro agent, which stand in the twin without an object around them. */
  readonly microAgentSettings: number;
}

/** Until 15 July 2019. */
const olderObjectName = 'azureiot*com^securityAgentConfiguration^1*0*0';

/** A collector of the micro agent, and what of it is set. */
const microAgentSetting =
  /^(CollectorsCore|Baseline|SystemInformation|SBoM|Heartbeat|Login|IothubModule|NetworkActivity|Process|LogCollector|FileSystem|Peripheral|Statistics)_[A-Z]\w*$/;

/** @param objectName the property that the local file names */
export function formsOfTwin(desired: JsonObject, objectName: string): TwinForms {
  const object = Object.hasOwn(desired, objectName) ? desired[objectName] : undefined;
  return {
    settings: isJsonObject(object) ? Object.keys(object).length : undefined,
    olderObject: Object.hasOwn(desired, olderObjectName) ? olderObjectName : undefined,
    microAgentSettings: Object.keys(desired).filter((key) => microAgentSetting.test(key)).length,
  };
}
