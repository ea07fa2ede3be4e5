import { isJsonObject, type JsonObject } from '../base/json.js';
import { microAgentSettings } from './micro-agent-settings.js';
import { own } from './rejection.js';
import { configurationObjectName } from './twin-settings.js';

/** The name of the configuration object until 15 July 2019. */
export const earlyObjectName = 'azureiot*com^securityAgentConfiguration^1*0*0';

/** The ways in which a twin may say the settings, in the order in which they win; with what the reference says of each. */
export const twinDialects = {
  contract: {
    title: 'the configuration object of the contract',
    meaning: `An object with a member per setting, \`${configurationObjectName}\`, unless the local file names another.`,
  },
  earlyContract: {
    title: 'the configuration object under its name before July 2019',
    meaning: `The same members in the object \`${earlyObjectName}\`, each a bare value (\`"PT7M"\`, also integers as text) or in an object with the member \`value\`.`,
  },
  microAgent: {
    title: "the micro agent's settings",
    meaning:
      'Flat members of the desired properties, such as `Login_Disabled`, as the Defender micro agent has them.',
  },
  none: {
    title: 'no settings',
    meaning: 'Nothing of this: every setting has its default.',
  },
} as const;

export type TwinDialect = keyof typeof twinDialects;

export const dialectNames = Object.keys(twinDialects) as readonly TwinDialect[];

export interface Choice {
  readonly dialect: TwinDialect;
  /** What else the twin holds settings in, without effect. */
  readonly ignored: readonly TwinDialect[];
}

/** The object of the contract where the local file names one; the early name is understood anyway, so that a twin may move. */
export function contractObjectName(objectName: string): string {
  return objectName === earlyObjectName ? configurationObjectName : objectName;
}

/** In which of the dialects the desired properties are written; what stands there as null does not stand there. */
export function chooseDialect(desired: JsonObject, objectName: string): Choice {
  const stands = (name: string): boolean => (own(desired, name) ?? null) !== null;
  const isSpoken: Record<TwinDialect, boolean> = {
    contract: stands(contractObjectName(objectName)),
    earlyContract: stands(earlyObjectName),
    microAgent: isJsonObject(desired) && Object.keys(microAgentSettings).some(stands),
    none: true,
  };
  const [dialect = 'none', ...others] = dialectNames.filter((name) => isSpoken[name]);
  return { dialect, ignored: others.filter((name) => name !== 'none') };
}
