import type { Who } from '../../interface/state-subject.js';

/** Of more it is not known who did what; their programs may be the same all the same. */
const mostDoers = 16;

/**
 * Who did what a look finds, where several may have done something.
 *
 * 1. Told is what holds for everybody who did something from the look before to the end of this one: a script that runs one
 *    program many times is told by the program and the user.
 * 2. Whoever did something while a look was made may have done what it found, or what the next one finds.
 */
export class Doers {
  /** What holds for all since the last look ended, or may hold. */
  told: Who | undefined;
  private known: Who[] = [];
  private duringLook: Who[] = [];
  private tooMany = false;

  /** @param who without members where nothing is known of whoever did something */
  add(who: Who): void {
    for (const doers of [this.known, this.duringLook]) {
      // Two sources tell of one process, of which one knows more.
      const same = doers.findIndex(({ pid }) => pid !== undefined && pid === who.pid);
      if (same >= 0) doers[same] = { ...doers[same], ...who };
      else if (doers.length < mostDoers) doers.push(who);
      else this.tooMany = true;
    }
  }

  lookBegins(): void {
    this.duringLook = [];
  }

  lookEnds(): void {
    const [first, ...others] = this.known;
    this.told = this.tooMany || first === undefined ? undefined : others.reduce(inCommon, first);
    this.known = this.duringLook;
    this.duringLook = [];
    this.tooMany = false;
  }
}

function inCommon(one: Who, other: Who): Who {
  const { executable, pid, userId } = one;
  return {
    ...(pid !== undefined && pid === other.pid && { pid }),
    ...(executable !== undefined && executable === other.executable && { executable }),
    ...(userId !== undefined && userId === other.userId && { userId }),
  };
}
