/** Names that say who the device is, where its secret does not. */
export const givenNames = [
  'hostName',
  'deviceId',
  'moduleId',
  'idScope',
  'registrationId',
] as const;
export type GivenName = (typeof givenNames)[number];

/** The options of the command that give them. */
export const optionOfName: Readonly<Record<GivenName, string>> = {
  hostName: 'host-name',
  deviceId: 'device-id',
  moduleId: 'module-id',
  idScope: 'id-scope',
  registrationId: 'registration-id',
};
