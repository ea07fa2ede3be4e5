/** What the host offers to the collectors: the readers of the kernel that several of them share. */
export interface Host {
  readonly ownPid: number;
}
