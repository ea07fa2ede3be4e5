/** The event has had its time; thrown through the tests of a rule, and caught by whoever judges. */
export class BudgetSpent extends Error {
  override readonly name = 'BudgetSpent';
}

/** One for all: making one for each event would cost more than the judgement. */
export const budgetSpent = new BudgetSpent('The time of the event is spent.');

/** Units of work between two looks at the clock; a unit is about one character that is compared. */
const betweenLooks = 50_000;

/**
 * How long one event may be judged. Work is counted, and the clock is looked at now and then: an event that takes little work
 * is judged in full, however long others have the processor meanwhile.
 */
export class Budget {
  readonly #now: () => number;
  readonly #ms: number;
  #deadline = Infinity;
  #work = 0;

  constructor(now: () => number, ms: number) {
    this.#now = now;
    this.#ms = ms;
  }

  /** A new event. */
  start(): void {
    this.#work = 0;
    this.#deadline = Infinity;
  }

  /** @throws BudgetSpent */
  spend(units: number): void {
    this.#work += units;
    if (this.#work < betweenLooks) return;
    this.#work = 0;
    const now = this.#now();
    // What is small never asks for the time.
    if (this.#deadline === Infinity) this.#deadline = now + this.#ms;
    else if (now > this.#deadline) throw budgetSpent;
  }
}
