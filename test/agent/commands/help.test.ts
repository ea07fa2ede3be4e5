import { describe, expect, it } from 'vitest';
import { overview, usageOf } from '../../../agent/commands/help.js';
import { commands } from '../../../agent/commands/registry.js';
import { exitMeanings } from '../../../base/exit-codes.js';

describe('the help', () => {
  it('tells every command, and what is understood beside them', () => {
    const text = overview(commands);
    for (const { name, meaning } of commands)
      expect(text.split('\n')).toContain(`  ${name.padEnd('host-restore'.length)}  ${meaning}`);
    expect(text).toMatch(/^ {2}help, --help /m);
    expect(text).toMatch(/^ {2}--version /m);
  });

  it.each(commands.map((command) => [command.name, command] as const))(
    'tells the options, operands and exit codes of %s, with all meanings in one column',
    (_, command) => {
      const lines = usageOf(command).split('\n');
      const { exitCodes = exitMeanings, operandMeanings = {}, options } = command;
      const columnOf = (meaning: string): number =>
        lines
          .find((line) => line.startsWith('  ') && line.includes(`  ${meaning}`))
          ?.indexOf(meaning) ?? -1;
      const columns = [
        ...Object.values(operandMeanings),
        ...Object.values(options).map(({ meaning }) => meaning),
      ].map(columnOf);
      expect(new Set(columns).size).toBeLessThanOrEqual(1);
      expect(columns).not.toContain(-1);
      const width = Math.max(...Object.keys(exitCodes).map((code) => code.length));
      for (const [code, meaning] of Object.entries(exitCodes))
        expect(lines).toContain(`  ${code.padEnd(width)}  ${meaning}`);
    },
  );

  it('says what each operand is', () => {
    for (const { operands, operandMeanings } of commands) {
      expect(Object.keys(operandMeanings ?? {})).toEqual(
        operands?.split(' | ').map((operand) => operand.replace(/[[\]…]/g, '')) ?? [],
      );
    }
  });
});
