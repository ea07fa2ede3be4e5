export interface MessageStatistics {
  readonly messagesSent: number;
  readonly messagesUnder4KB: number;
  readonly totalFailed: number;
}
