// Which consent categories a destination needs.

import type { ConsentOptions } from './types.js';

/** Those of `options.consent.integrationCategoryMappings` under any of its names, and its own; each once. */
export const categoriesFor = (
  names: readonly string[],
  own: readonly string[] | undefined,
  options: ConsentOptions | undefined,
): string[] => [
  ...new Set([...(own ?? []), ...names.flatMap((name) => options?.integrationCategoryMappings?.[name] ?? [])]),
];
