/** What the members of `ExtraDetails` say that an aggregate has beside those of its event. */
export const aggregateDetails = {
  HitCount: 'How many times it happened within the window.',
  StartTimeLocal: 'Start of the window, with the offset of the time zone.',
  StartTimeUtc: 'Start of the window.',
  EndTimeLocal: 'End of the window, with the offset of the time zone.',
  EndTimeUtc: 'End of the window.',
  FirstSeenUtc: 'When it happened for the first time within the window.',
  LastSeenUtc: 'When it happened for the last time within the window.',
} as const;

/** The member of `ExtraDetails` by which any event is an alert, whatever it says. */
export const alertMark = 'AlertType';

/** What the members of `ExtraDetails` say that an alert has: an event, whatever its name, that a rule of detection is true of. */
export const alertDetails = {
  [alertMark]:
    'What kind of alert it is: the name that the rule gives, as the retired service called it where it knew the alert; `IoT_RuleMatched` where the rule gives none.',
  AlertSeverity:
    '`High` (levels high and critical), `Medium`, `Low` or `Informational`; of a rule without a level `Medium`.',
  AlertTitle: 'Title of the rule.',
  AlertDescription: 'What the rule says about itself; at most 512 bytes.',
  RuleId: 'Id of the rule.',
  RuleLevel: 'Its level as Sigma has it; absent where it says none.',
  RuleTags: 'Its tags, parted by commas: techniques and tactics of ATT&CK.',
  RuleSource: 'Where the rule is from: `builtin`, `local` or `twin`.',
  AlsoMatched:
    'Ids of further rules that are true of the event, parted by commas, the gravest first; at most 16, then `…`.',
} as const;

export const alertSeverities = ['High', 'Medium', 'Low', 'Informational'] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

/** What an alert says beside that which stands for equal ones that came after it was told several times. */
export const foldedAlertDetails = {
  HitCount: 'How many there were.',
  FirstSeenUtc: 'When the first of them happened.',
  LastSeenUtc: 'When the last of them happened.',
} as const;

/** What the members of `ExtraDetails` say that any event may have. */
export const commonDetails = {
  ClockNotSet:
    '`true`: the clock of the device had not been set (1970), so that the times are not to be trusted; the boot and the offset of the clock follow.',
  TimeCorrectedFrom:
    'The time as it was recorded before the clock was set; that of the event was corrected by the time since boot.',
  Part: 'Of a snapshot that no message can hold: which of its events this is, from `1`.',
  Parts: 'Of how many; they have the same time, and only together they are all.',
  Truncated: '`true`: the longest texts were cut, because the event did not fit a message.',
} as const;

/** What an event with a command line says of one that was cut. */
export const cutCommandLine = {
  details: {
    CommandLineSha256: 'Of a command line that was cut: SHA-256 of the whole, secrets masked.',
  },
  caveats: {
    CommandLineSizeBytes:
      'Of a command line that was cut: its whole size in UTF-8; in an aggregate that of the first one cut.',
  },
} as const;
