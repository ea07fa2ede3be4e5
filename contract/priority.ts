/** Which queue an event goes to; Off means that it is not collected at all. */
export const priorities = ['Off', 'Low', 'High'] as const;
export type Priority = (typeof priorities)[number];

/** The priorities of what is collected and sent, the more urgent first. */
export const sentPriorities = ['High', 'Low'] as const satisfies readonly Priority[];
export type SentPriority = (typeof sentPriorities)[number];
