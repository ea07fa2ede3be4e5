import {
  type CountedName,
  countedNames,
  eventDeclarations,
  type EventName,
  eventNames,
} from '../contract/events.js';
import type { Priority } from '../contract/priority.js';
import {
  type BooleanSetting,
  type DurationSetting,
  flag,
  interval,
  live,
  type PrioritySetting,
} from './setting.js';

type PriorityOfEvents = {
  readonly [N in EventName as `eventPriority${N}`]: PrioritySetting & {
    readonly default: Priority;
  };
};

type CountingOfEvents = {
  readonly [N in CountedName as `aggregationEnabled${N}`]: BooleanSetting;
} & { readonly [N in CountedName as `aggregationInterval${N}`]: DurationSetting };

function priorityOf(name: EventName): PriorityOfEvents[keyof PriorityOfEvents] {
  const { inheritsPriority: inherits, noun, priority, type } = eventDeclarations[name];
  const effect = type === 'Operational' ? 'sends' : 'collects';
  return {
    kind: 'priority',
    default: priority,
    ...(inherits !== undefined && { inherits }),
    // The others come from the agent itself.
    ...(type === 'Security' && { event: name }),
    meaning: `Queue of ${noun}; Off ${effect} none.`,
    ...live,
  };
}

function countingOf(name: CountedName): readonly [string, BooleanSetting | DurationSetting][] {
  const { counted = '' } = eventDeclarations[name];
  return [
    [
      `aggregationEnabled${name}`,
      { ...flag(true, `Whether equal ${counted} are counted.`), event: name },
    ],
    [
      `aggregationInterval${name}`,
      { ...interval('PT1H', `Time over which equal ${counted} are counted.`), event: name },
    ],
  ];
}

/** For each event the setting that chooses its queue. */
export const priorityOfEvents = Object.fromEntries(
  eventNames.map((name) => [`eventPriority${name}`, priorityOf(name)]),
) as PriorityOfEvents;

/** For each event that is counted whether it is, and over what time. */
export const countingOfEvents = Object.fromEntries(
  countedNames.flatMap(countingOf),
) as CountingOfEvents;
