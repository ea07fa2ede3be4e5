/** Which queue an event goes to; Off means that it is not collected at all. */
export const priorities = ['Off', 'Low', 'High'] as const;
export type Priority = (typeof priorities)[number];
