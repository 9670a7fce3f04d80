// What the tests use of Node, so that the package needs no types of it.
declare module 'node:fs' {
  export function readFileSync(path: URL | string): Uint8Array<ArrayBuffer>;
  export function readFileSync(path: URL | string, encoding: 'utf8'): string;
  export function writeFileSync(path: string, text: string): void;
  export function mkdirSync(path: string, options: { recursive: true }): void;
  export function mkdtempSync(prefix: string): string;
  export function readdirSync(path: string): string[];
  export function realpathSync(path: string): string;
  export function rmSync(path: string, options: { recursive: true }): void;
}
declare module 'node:os' {
  export function tmpdir(): string;
}
declare module 'node:path' {
  export function join(...parts: string[]): string;
}
declare module 'node:url' {
  export function pathToFileURL(path: string): URL;
}
