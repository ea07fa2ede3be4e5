import type { LocalKey } from '../../config/local-settings.js';
import { type Given, type GivenIdentity, optionOfName } from './given.js';
import { unusable } from './settings-file.js';

/**
 * What was given and comes to nothing was meant otherwise: the device would be another one than its owner believes.
 * @throws CommandError
 */
export function refuseUnused(given: Given, { identity, secrets }: GivenIdentity): void {
  const mode = identity['identity.mode'] as string;
  const has = (key: LocalKey): boolean => secrets.some((secret) => secret.key === key);
  const isString = has('identity.connectionStringFile');
  const isDps = mode === 'dps';
  const unused = [
    // Those of a connection string were compared with what it says.
    ...(mode === 'edge' ? (['hostName', 'deviceId'] as const) : []),
    ...(isDps ? [] : (['idScope', 'registrationId'] as const)),
  ].filter((name) => given[name] !== undefined);
  const options = [
    ...unused.map((name) => optionOfName[name]),
    ...(given.register === true && !isDps ? ['register'] : []),
    ...(given.isGroupKey === true && !isDps ? ['group-key-file'] : []),
    ...(given.privateKey !== undefined && !has('identity.privateKeyFile')
      ? ['private-key-file']
      : []),
    ...(given.password !== undefined && !has('identity.privateKeyPasswordFile')
      ? ['password-file']
      : []),
  ];
  if (options.length === 0) return;
  const what = isString ? 'a connection string' : `what --mode ${mode} takes`;
  throw unusable(
    `Beside ${what} there is no use for ${options.map((option) => `--${option}`).join(', ')}; leave that out, or give what belongs to it`,
  );
}
