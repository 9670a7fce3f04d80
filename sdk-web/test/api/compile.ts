import { readFileSync } from 'node:fs';
import ts from 'typescript';

const root = new URL('../../', import.meta.url).pathname;
const config = JSON.parse(readFileSync(`${root}tsconfig.json`, 'utf8')).compilerOptions;

/** Read once: most of a program is the same libraries. */
const read = new Map<string, ts.SourceFile | undefined>();

/** What the compiler says of these files, by the package's own settings. `sources`: files that exist only here. */
export function complaints(files: string[], sources: Record<string, string> = {}): string[] {
  const { options } = ts.convertCompilerOptionsFromJson(config, root);
  options.jsx = ts.JsxEmit.Preserve;
  options.paths = {
    '@headwater/analytics': [`${root}src/index.ts`],
    '@headwater/analytics/arguments': [`${root}src/api/arguments.ts`],
    '@headwater/analytics/consent': [`${root}src/api/consent-source.ts`],
    '@headwater/analytics/onetrust': [`${root}src/api/onetrust.ts`],
    '@headwater/analytics/core': [`${root}src/core.ts`],
    '@headwater/analytics/vite': [`${root}src/vite.ts`],
    vite: [`${root}node_modules/vite`],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => name in sources || fileExists.call(host, name);
  const { directoryExists } = host;
  host.directoryExists = (name) => name === '/readme' || (directoryExists?.call(host, name) ?? true);
  host.readFile = (name) => sources[name] ?? readFile.call(host, name);
  host.getSourceFile = (name, ...rest) => {
    const source = sources[name];
    if (source !== undefined) return ts.createSourceFile(name, source, ts.ScriptTarget.ES2022, true);
    if (!read.has(name)) read.set(name, getSourceFile.call(host, name, ...rest));
    return read.get(name);
  };
  const names = [...files.map((file) => root + file), ...Object.keys(sources)];
  const program = ts.createProgram(names, options, host);
  return names.flatMap((name) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((found) => {
      const line =
        found.file && found.start !== undefined ? found.file.getLineAndCharacterOfPosition(found.start).line + 1 : 0;
      return `${name.replace(root, '')}:${line} ${ts.flattenDiagnosticMessageText(found.messageText, ' ')}`;
    });
  });
}
