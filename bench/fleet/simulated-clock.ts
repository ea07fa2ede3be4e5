import type { Clock, Timer } from '../../base/clock.js';

const slotMs = 100;

class Entry implements Timer {
  constructor(
    readonly dueMs: number,
    public action: (() => void) | undefined,
  ) {}

  cancel(): void {
    this.action = undefined;
  }
}

/** The clock of a whole fleet: millions of timers, kept in slots of a tenth of a second and run in order. */
export class SimulatedClock implements Clock {
  private nowMs = 0;
  private promised = false;
  private readonly slots = new Map<number, Entry[]>();

  wallMs(): number {
    return Date.UTC(2026, 0, 2) + this.nowMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const entry = new Entry(this.nowMs + Math.max(0, delayMs), action);
    const slot = Math.floor(entry.dueMs / slotMs);
    const entries = this.slots.get(slot);
    if (entries === undefined) this.slots.set(slot, [entry]);
    else entries.push(entry);
    return entry;
  }

  /** Calls `action` as `after` does; promises that go on because of it have settled before time passes. */
  afterPromise(delayMs: number, action: () => void): void {
    this.promised = true;
    this.after(delayMs, () => {
      this.promised = true;
      action();
    });
  }

  /** Lets time pass until `isOver`, at the latest to `endMs`; promises settle at the end of each slot. */
  async run(endMs: number, isOver: () => boolean): Promise<void> {
    for (let slot = Math.floor(this.nowMs / slotMs); slot * slotMs < endMs; slot++) {
      for (let entries; (entries = this.slots.get(slot)) !== undefined;) {
        this.slots.delete(slot);
        entries.sort((a, b) => a.dueMs - b.dueMs);
        for (const entry of entries) {
          const { action } = entry;
          if (action === undefined) continue;
          this.nowMs = Math.max(this.nowMs, entry.dueMs);
          entry.action = undefined;
          action();
        }
        // Most of the time nobody waits for a promise, and a turn of the event loop costs more than the slot.
        if (this.promised) await new Promise((resolve) => void setImmediate(resolve));
        this.promised = false;
      }
      this.nowMs = Math.max(this.nowMs, (slot + 1) * slotMs);
      if (slot % 10 === 0 && isOver()) return;
    }
  }
}
