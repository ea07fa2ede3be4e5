import type { Command } from './command.js';

/** Completion for bash: verbs, their options, the values of options, and operands. */
export function bashCompletion(commands: readonly Command[]): string {
  const shipped = commands.filter(({ developmentOnly }) => developmentOnly !== true);
  const verbs = [...shipped.map(({ name }) => name), '--help', '--version'];
  return `# Generated from the declarations of the commands by npm run generate; a test fails when they differ.

_iot_security_agent()
{
    local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    # bash takes --config=FILE for three words (COMP_WORDBREAKS).
    if [[ $word == = ]]; then
        word=''
    elif [[ $before == = ]]; then
        before=\${COMP_WORDS[COMP_CWORD-2]}
    fi
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W '${verbs.join(' ')}' -- "$word")
        return
    fi
    case "\${COMP_WORDS[1]} $before" in
${valueCases(shipped)}
    esac
    case "\${COMP_WORDS[1]}" in
${shipped.map(verbCase).join('\n')}
    esac
}

complete -F _iot_security_agent iot-security-agent
`;
}

/** Every option that takes a value, with what completes it. */
function valueCases(commands: readonly Command[]): string {
  const kinds: readonly (readonly [string | undefined, readonly string[]])[] = [
    ['FILE', files],
    ['DIR', directories],
    [undefined, []],
  ];
  return kinds
    .flatMap(([kind, lines]) => {
      const patterns = commands.flatMap(({ name, options }) =>
        Object.entries(options)
          .filter(([, { type, value }]) => type === 'string' && kindOf(value) === kind)
          .map(([option]) => `'${name} --${option}'`),
      );
      return patterns.length === 0 ? [] : [branch(patterns.join(' | '), [...lines, 'return'])];
    })
    .join('\n');
}

function kindOf(value: string | undefined): string | undefined {
  return value === 'FILE' || value === 'DIR' ? value : undefined;
}

function verbCase({ name, operandChoices, options }: Command): string {
  const flags = [...Object.keys(options).map((option) => `--${option}`), '--help'].join(' ');
  if (operandChoices === 'files') {
    const branches = [
      'if [[ $word == -* ]]; then',
      `    ${words(flags)}`,
      'else',
      ...files.map((line) => `    ${line}`),
      'fi',
    ];
    return branch(name, branches);
  }
  return branch(name, [words([flags, ...(operandChoices ?? [])].join(' '))]);
}

function branch(pattern: string, lines: readonly string[]): string {
  return [
    `        ${pattern})`,
    ...lines.map((line) => `            ${line}`),
    '            ;;',
  ].join('\n');
}

/** Outside of a completion that bash itself began, compopt fails, which does not matter. */
const named = 'compopt -o filenames 2>/dev/null';
const files = [named, 'mapfile -t COMPREPLY < <(compgen -f -- "$word")'];
const directories = [named, 'mapfile -t COMPREPLY < <(compgen -d -- "$word")'];

function words(list: string): string {
  return `mapfile -t COMPREPLY < <(compgen -W '${list}' -- "$word")`;
}
