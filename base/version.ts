import manifest from '../package.json' with { type: 'json' };

/** As in package.json; the agent's messages and reported properties carry it. */
export const version: string = manifest.version;
