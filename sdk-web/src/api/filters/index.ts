// Destination filters of the settings document (`middlewareSettings.routingRules`). Loaded when there are any.
// One function is the whole surface, so that the engine's own evaluator can take its place.

import type { Rule, SegmentEvent } from '../types.js';
import { matches } from './match.js';
import { transform } from './transform.js';

/**
 * What is left of `event` for a destination with these rules, or `null` when it must not have it. `event` itself stays
 * as it is. A rule that cannot be read keeps the event back: filters exist for what must not leave.
 */
export function applyFilters(event: SegmentEvent, rules: readonly Rule[]): SegmentEvent | null {
  let left: SegmentEvent | null = JSON.parse(JSON.stringify(event)) as SegmentEvent;
  try {
    for (const { matchers, transformers } of rules) {
      for (let at = 0; at < matchers.length && left; at++) {
        if (!matches(left, matchers[at] as Rule['matchers'][number])) continue;
        for (const transformer of transformers[at] ?? []) {
          left = left && transform(left, transformer);
        }
      }
      if (!left) return null;
    }
    return left;
  } catch {
    return null;
  }
}
