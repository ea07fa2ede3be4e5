// What "tsc -p ." and "eslint --max-warnings=0 [paths]" say, of one program: the compiler reads and checks all the sources
// once, and the rules that ask for types are answered out of that. Names what found something, and fails then.
import { join } from 'node:path';
import { ESLint } from 'eslint';
import ts from 'typescript';
import { root } from './bootstrap.mjs';

const host = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => root,
  getNewLine: () => '\n',
};

/** The program of tsconfig.json, and what is wrong with that file itself. */
function programOfProject() {
  const problems = [];
  const parsed = ts.getParsedCommandLineOfConfigFile(
    join(root, 'tsconfig.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (problem) => problems.push(problem) },
  );
  if (parsed === undefined) return { problems };
  const program = ts.createProgram({
    rootNames: parsed.fileNames,
    options: parsed.options,
    projectReferences: parsed.projectReferences,
    configFileParsingDiagnostics: parsed.errors,
  });
  return { program, problems };
}

function printTypeErrors({ program, problems }) {
  const found = [...problems, ...(program === undefined ? [] : ts.getPreEmitDiagnostics(program))];
  if (found.length === 0) return false;
  process.stdout.write(`types:\n${ts.formatDiagnostics(found, host)}`);
  return true;
}

async function printLint(program, paths) {
  const eslint = new ESLint({
    cwd: root,
    overrideConfig: {
      files: ['**/*.ts'],
      languageOptions: { parserOptions: { projectService: false, programs: [program] } },
    },
  });
  const results = await eslint.lintFiles(paths);
  const found = results.some(({ errorCount, warningCount }) => errorCount + warningCount > 0);
  if (!found) return false;
  const formatter = await eslint.loadFormatter('stylish');
  process.stdout.write(`lint:\n${await formatter.format(results)}`);
  return true;
}

const paths = process.argv.slice(2);
const project = programOfProject();
const wrongTypes = printTypeErrors(project);
const wrongStyle =
  project.program !== undefined &&
  (await printLint(project.program, paths.length === 0 ? ['.'] : paths));
process.exitCode = wrongTypes || wrongStyle ? 1 : 0;
