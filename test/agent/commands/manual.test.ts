import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generatedFiles } from '../../../agent/commands/generate.js';
import { commands } from '../../../agent/commands/registry.js';
import { exitCodes } from '../../../base/exit-codes.js';
import { collectors } from '../../../collectors/registry.js';

const root = join(import.meta.dirname, '..', '..', '..');
const completion = join(root, 'systemd', 'iot-security-agent.bash-completion');
const shipped = commands.filter(({ developmentOnly }) => developmentOnly !== true);

it.each(Object.entries(generatedFiles()))(
  '%s is what the declarations say (else run: npm run generate)',
  (path, text) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(text);
  },
);

describe('the manual page', () => {
  const page = generatedFiles()['systemd/iot-security-agent.8'] ?? '';
  const plain = page.replace(/\\f[A-Z]/g, '').replaceAll('\\-', '-');

  it('tells every command that is shipped, with its options and operands, and every exit code', () => {
    for (const { name, meaning, options, operandMeanings = {} } of shipped) {
      expect(plain).toContain(`.SS ${name}\n${meaning}\n`);
      for (const [operand, what] of Object.entries(operandMeanings))
        expect(plain).toContain(`.TP\n${operand}\n${what}\n`);
      for (const [option, { meaning: what }] of Object.entries(options)) {
        expect(plain).toContain(`--${option}`);
        expect(plain).toContain(what);
      }
    }
    for (const code of Object.values(exitCodes)) expect(plain).toContain(`.TP\n${code}\n`);
    expect(plain).not.toContain('local-hub');
  });

  it('names the documents that the package brings, with what they are made of', () => {
    const documents = JSON.parse(
      readFileSync(join(root, 'scripts', 'package', 'documents.json'), 'utf8'),
    ) as Readonly<Record<string, string>>;
    const named = plain.match(/\/usr\/share\/doc\/iot-security-agent\/[\w.]+/g) ?? [];
    expect(named).toContain('/usr/share/doc/iot-security-agent/settings.md');
    for (const path of named) expect(Object.keys(documents)).toContain(basename(path));
    for (const source of Object.values(documents))
      expect(existsSync(join(root, source))).toBe(true);
  });

  it('is plain ASCII, with no line that troff would take for a request', () => {
    // eslint-disable-next-line no-control-regex
    expect(page).toMatch(/^[\x00-\x7f]*$/);
    for (const line of page.split('\n').filter((entry) => /^[.']/.test(entry))) {
      expect(line).toMatch(/^\.(\\"|TH|SH|SS|PP|TP|BR)/);
    }
  });
});

describe('completion in bash', () => {
  function complete(words: readonly string[], cwd = root): readonly string[] {
    const script = `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _iot_security_agent; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const args = ['--norc', '--noprofile', '-c', script, 'bash', completion, 'iot-security-agent'];
    const output = execFileSync('bash', [...args, ...words], { cwd, encoding: 'utf8' });
    return output.split('\n').filter((line) => line !== '');
  }

  it('offers every verb that is shipped', () => {
    expect(complete([''])).toEqual([...shipped.map(({ name }) => name), '--help', '--version']);
    expect(complete(['sta'])).toEqual(['status']);
  });

  it.each(shipped.map((command) => [command.name, command] as const))(
    'offers the options of %s',
    (name, { options }) => {
      expect(complete([name, '--'])).toEqual([
        ...Object.keys(options).map((option) => `--${option}`),
        '--help',
      ]);
    },
  );

  it('offers the collectors by name', () => {
    const names = collectors.map(({ name }) => name);
    expect(complete(['collect', ''])).toEqual(expect.arrayContaining(['all', ...names]));
    expect(complete(['collect', 'Proc'])).toEqual(names.filter((name) => name.startsWith('Proc')));
    expect(complete(['collect', '--seconds', ''])).toEqual([]);
  });

  it('offers files where a file is wanted, and directories where one is', () => {
    const directory = mkdtempSync(join(tmpdir(), 'completion-'));
    try {
      writeFileSync(join(directory, 'one two.log'), '');
      mkdirSync(join(directory, 'one.d'));
      expect(complete(['replay', 'one'], directory).toSorted()).toEqual(['one two.log', 'one.d']);
      expect(complete(['run', '--config', 'one '], directory)).toEqual(['one two.log']);
      // bash splits --config=one at the equals sign.
      expect(complete(['run', '--config', '=', 'one '], directory)).toEqual(['one two.log']);
      expect(complete(['enroll', '--directory', '='], directory)).toEqual(['one.d']);
      expect(complete(['enroll', '--directory', 'one'], directory)).toEqual(['one.d']);
      expect(complete(['wipe', '--h'], directory)).toEqual(['--help']);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
