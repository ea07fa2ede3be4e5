import { baselineChecks } from './checks/index.js';
import { type Check, type Subject, subjects } from './checks/check.js';
import { cceIdOf } from './payloads.js';

/** The reference of the checks, in Markdown. */
export function baselineReference(checks: readonly Check[] = baselineChecks): string {
  const sections = (Object.keys(subjects) as Subject[]).flatMap((subject) => {
    const some = checks.filter((check) => check.subject === subject);
    return some.length === 0 ? [] : [`## ${subjects[subject]}\n\n${some.map(entry).join('\n')}`];
  });
  return `# Checks of the baseline

Generated from the declarations in \`collectors/os-baseline/checks/\` by \`npm run generate\`; a test fails when the two
differ. There are ${checks.length} checks; ${checks.filter(({ section }) => section !== undefined).length} of them are about a section of the CIS distribution independent Linux
benchmark 2.0.0, and ${checks.filter(({ cceId }) => cceId !== undefined).length} are rules of the retired agents' baseline. The wording is ours.

\`OSBaseline\` has a payload for each check that failed (\`Fail\`) or could not be made (\`Err\`), as with the retired
agents; what passed or does not apply is counted in \`ExtraDetails\` of the first payload and in \`agentStatus\`. A snapshot
in which all passed is sent empty. \`CceId\` is the CCE id of the retired baseline where the check is one of its rules, so
that dashboards go on; it is not unique there, \`RuleId\` is. For all other checks it is the CIS section, for which
dashboards of the successor search, and where there is none the id of the check. \`CheckId\` always has that.

A check that needs what the device does not have does not apply; one that needs what could not be read is an \`Err\`, never
a pass. \`iot-security-agent baseline\` runs all of them at once and shows the remedies.

${sections.join('\n\n')}
`;
}

function entry(check: Check): string {
  const ids = [
    check.severity,
    check.section !== undefined && `CIS ${check.section}`,
    check.cceId !== undefined && `retired ${check.cceId}`,
    check.ruleId !== undefined && `rule ${check.ruleId}`,
    `\`CceId\` ${cceIdOf(check)}`,
  ].filter((id) => id !== false);
  return `- **\`${check.id}\`** ${check.title}. ${ids.join(', ')}.\n  Expected: ${check.expected}. Remedy: ${check.remedy}`;
}
