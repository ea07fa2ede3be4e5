/**
 * Command lines with their secrets marked: `sshpass -p «hunter2» ssh host`. The same line without the marks goes in, and
 * with the mask in place of what they enclose it has to come out.
 */
export const unmarked = (line: string): string => line.replace(/[«»]/g, '');
export const masked = (line: string): string => line.replace(/«[^»]*»/g, '***');

/** The arguments that a shell would make of the line: blanks part them, single quotes hold them together. */
export function argumentsOf(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ''));
}
