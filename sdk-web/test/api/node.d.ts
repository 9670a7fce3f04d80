// The platform's digests, which ours must agree with.
declare module 'node:crypto' {
  export function createHash(algorithm: string): { update(text: string): { digest(encoding: 'hex'): string } };
}

// A page to run the snippet in.
declare module 'node:vm' {
  export function runInNewContext(code: string, scope: object): unknown;
}
