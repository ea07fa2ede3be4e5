/** How much a hit of a rule of detection weighs, as Sigma has it, the least first. */
export const levels = ['informational', 'low', 'medium', 'high', 'critical'] as const;

export type Level = (typeof levels)[number];
