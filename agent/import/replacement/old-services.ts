/** An old agent as it is installed. */
interface OldAgent {
  readonly unit: string;
  /** Where it has its configuration, the present place first. */
  readonly directories: readonly string[];
  /** What it leaves behind that this agent does not touch, for whoever removes it for good. */
  readonly removal: string;
}

/** Every service under which an old agent was ever installed (agents.md §6.4 and §6.5, §7). */
export const oldAgents: readonly OldAgent[] = [
  {
    unit: 'ASCIoTAgent.service',
    directories: ['/var/ASCIoTAgent'],
    removal: 'its installer removes it with -u',
  },
  {
    // The C# agent by the installer of its core alone.
    unit: 'MSIoTAgent.service',
    directories: ['/var/MSIoTAgent'],
    removal: 'its installer removes it with -u',
  },
  {
    // Also that of the package defender-iot-micro-agent-edge; before 4.1.2 in the second directory.
    unit: 'defender-iot-micro-agent.service',
    directories: ['/etc/defender_iot_micro_agent', '/var/defender_iot_micro_agent'],
    removal:
      'apt purge defender-iot-micro-agent or defender-iot-micro-agent-edge removes it, and what was added to /etc/pam.d for it is to be taken out there',
  },
];
