import { check, fail } from './check.js';

const trigger = '/tmp/DefenderForIoTOSBaselineTrigger.txt';

/**
 * Fails on request, so that whoever operates a fleet sees a failure of one device arrive: the self test of the micro agent,
 * whose file and id this has. It tells nothing of the device and is no check of the baseline where there is no such file.
 */
export const selfTest = check({
  id: 'self-test',
  subject: 'custom',
  title: 'Nobody asked for a failure as a test',
  severity: 'Informational',
  expected: `no file ${trigger}`,
  remedy: `Remove ${trigger} when the failure has arrived.`,
  cceId: 'CIS-debian-9-DEFENDER_FOR_IOT_TEST_CHECKS-0.0',
  needs: [`file:${trigger}`],
  judge: () => fail(`${trigger} is there`),
});
