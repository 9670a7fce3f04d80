import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { complaints } from './compile.js';

const readme = ['../../README.md', '../../../README.md']
  .map((path) => readFileSync(new URL(path, import.meta.url), 'utf8'))
  .join('\n');

/** What of other people's packages the examples use. */
const OTHERS = `
declare module 'react' {
  export type ReactNode = unknown;
  export interface Provider<T> { (props: { value: T; children?: ReactNode }): any }
  export function createContext<T>(value: T): { Provider: Provider<T> };
  export function useContext<T>(context: { Provider: Provider<T> }): T;
  export function useEffect(effect: () => void, on: unknown[]): void;
}
declare namespace JSX { type Element = any; interface ElementChildrenAttribute { children: {} } }
declare module 'next/navigation' { export function usePathname(): string }
declare module 'vue' {
  export function inject<T>(key: string): T | undefined;
  interface App { use(plugin: object): App; provide(key: string, value: unknown): App; mount(where: string): void }
  export function createApp(root: object): App;
}
declare module 'vue-router' {
  export function createRouter(options: object): { afterEach(guard: (to: { path: string }) => void): void };
}
declare module '#imports' {
  export function defineNuxtPlugin<T>(setup: () => T): T;
  export function useRouter(): { afterEach(guard: (to: { path: string }) => void): void };
}
`;

it('the types take what analytics-next takes, and refuse events that the page’s map does not know', () => {
  expect(complaints(['test/api/typed-events.ts'])).toEqual([]);
}, 180_000);

it('every example of the README compiles', () => {
  const sources: Record<string, string> = { '/readme/others.d.ts': OTHERS };
  let examples = 0;
  for (const [, language = '', code = ''] of readme.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)) {
    const text = language === 'vue' ? (/<script setup lang="ts">\n([\s\S]*?)<\/script>/.exec(code)?.[1] ?? '') : code;
    if (!['ts', 'tsx', 'vue'].includes(language)) continue;
    const named = /^\/\/ (\w+\.tsx?)$/m.exec(text)?.[1];
    sources[`/readme/${named ?? `example-${++examples}.${language === 'tsx' ? 'tsx' : 'ts'}`}`] =
      `${text}\nexport {};\n`;
  }
  expect(examples).toBeGreaterThan(8);
  expect(complaints([], sources)).toEqual([]);
}, 180_000);

it('an example that does not compile is found', () => {
  const text = "import { AnalyticsBrowser } from '@headwater/analytics';\nAnalyticsBrowser.load({ writeKey: 5 });";
  expect(complaints([], { '/readme/wrong.ts': text })).toHaveLength(1);
}, 180_000);

it('every file that an example imports or a page loads is in the package’s exports', () => {
  const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  for (const [, path = ''] of readme.matchAll(/'@headwater\/analytics(\/\w+)?'/g)) {
    expect(exports).toHaveProperty([`.${path}`]);
  }
});
