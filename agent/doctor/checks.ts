/** Where a check stands in what doctor prints. */
export type CheckGroup = 'configuration' | 'connection' | 'host';

/** Everything that doctor looks at, by the name that `--json` gives it, in the order in which it is told. */
export const checks = {
  settings: { group: 'configuration', meaning: 'the local file is there and can be used' },
  marker: { group: 'configuration', meaning: 'where marked messages go' },
  identity: { group: 'configuration', meaning: 'the credentials can be read, and whose they are' },
  certificate: { group: 'configuration', meaning: 'until when the own certificate is valid' },
  permissions: { group: 'configuration', meaning: 'owner and mode of each file of the agent' },
  'state-directory': { group: 'configuration', meaning: 'the agent can keep its state' },
  disk: { group: 'configuration', meaning: 'room where the state is kept' },
  spool: { group: 'configuration', meaning: 'what waits for the hub' },
  proxy: { group: 'connection', meaning: 'the proxy, where one is set, lets the agent through' },
  dns: { group: 'connection', meaning: 'the name that is dialled resolves' },
  tcp: { group: 'connection', meaning: 'the port answers' },
  tls: { group: 'connection', meaning: 'the certificate is trusted, and who issued it' },
  clock: { group: 'connection', meaning: "the clock agrees with the hub's" },
  twin: { group: 'connection', meaning: 'the module twin can be read, and what is set there' },
  message: { group: 'connection', meaning: 'a test message arrives (`--send`)' },
  runtime: { group: 'host', meaning: 'Node and the processor' },
  memory: { group: 'host', meaning: 'memory of the device, and what the agent may take' },
  kernel: { group: 'host', meaning: 'the release of the kernel' },
  btf: { group: 'host', meaning: 'the kernel describes its types' },
  lockdown: { group: 'host', meaning: 'what the kernel refuses even to root' },
  audit: { group: 'host', meaning: 'kernel audit, and who owns it' },
  'proc-connector': { group: 'host', meaning: 'the kernel tells of processes' },
  tracefs: { group: 'host', meaning: 'connections can be traced' },
  capabilities: { group: 'host', meaning: 'the rights of the agent' },
  inventory: { group: 'host', meaning: 'the sockets of what needs a program' },
  unit: { group: 'host', meaning: 'the service of systemd' },
  rules: { group: 'host', meaning: 'the rules of detection in force' },
  agent: { group: 'host', meaning: 'how the running agent is' },
} as const satisfies Readonly<Record<string, { group: CheckGroup; meaning: string }>>;

export type CheckName = keyof typeof checks;
