/** What a look at the device came to: a fact, "there is none, and why", or "it could not be read, and why". */
export type Reading<T> =
  | { readonly value: T }
  /** The device has no such thing: checks that need it do not apply. Completes a sentence, without its full stop. */
  | { readonly absent: string }
  /** It may be there: checks that need it end in an error, never in a pass. */
  | { readonly unreadable: string };

export const found = <T>(value: T): Reading<T> => ({ value });
export const absent = (reason: string): Reading<never> => ({ absent: reason });
export const unreadable = (reason: string): Reading<never> => ({ unreadable: reason });

/** The same of what `make` makes of the fact. */
export function mapReading<T, U>(reading: Reading<T>, make: (value: T) => U): Reading<U> {
  return 'value' in reading ? found(make(reading.value)) : reading;
}

/** The fact, or `otherwise` where there is none; what could not be read stays so. */
export function orElse<T>(reading: Reading<T>, otherwise: T): Reading<T> {
  return 'absent' in reading ? found(otherwise) : reading;
}
