// What the tests use of Node, so that the package needs no types of it.
declare module 'node:fs' {
  export function readFileSync(path: URL | string): Uint8Array<ArrayBuffer>;
  export function readFileSync(path: URL | string, encoding: 'utf8'): string;
}
