/** "Cannot be seen on this device, and why": said once by the runner, and not an error. */
export interface Unavailable {
  readonly unavailable: string;
}

export function isUnavailable(value: object): value is Unavailable {
  return 'unavailable' in value;
}
