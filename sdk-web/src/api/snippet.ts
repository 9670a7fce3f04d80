// The other half of `snippet.js`: the standalone build takes the buffered calls over, in their order.

import type { PageContext } from '../engine/port.js';
import { type BufferedPageContext, popPageContext } from './arguments.js';
import type { AnalyticsBrowserSettings, InitOptions } from './types.js';

/** What the snippet leaves at `window.analytics`. */
export interface Buffer extends Array<[method: string, ...args: unknown[]]> {
  _writeKey?: string;
  _loadOptions?: InitOptions;
  _cdn?: string;
}

/** What of an `AnalyticsBrowser` is needed. */
export interface Standing {
  s: { capture(method: string, args: ArrayLike<unknown>, page?: PageContext): Promise<unknown> };
  load(settings: AnalyticsBrowserSettings, options?: InitOptions): unknown;
  then(loaded: (pair: [instance: object, ...rest: unknown[]]) => void): unknown;
}

/** The page context in a snippet's words. The canonical URL wins, the fragment goes. */
export function pageOfBuffered(bpc: BufferedPageContext): PageContext {
  const canonical = bpc.c;
  const url = canonical ? (canonical.includes('?') ? canonical : canonical + bpc.s) : bpc.u;
  const path = canonical ? pathOf(canonical) : bpc.p;
  return { path, referrer: bpc.r, search: bpc.s, title: bpc.t, url: url.replace(/#.*$/, '') };
}

const pathOf = (url: string): string => {
  try {
    return new URL(url).pathname;
  } catch {
    return url[0] === '/' ? url : `/${url}`;
  }
};

type Scope = Record<string, any>;

/** What the script element says: `data-write-key`, `data-api-host`, `data-global-segment-analytics-key`. */
export interface ScriptData {
  writeKey?: string | undefined;
  apiHost?: string | undefined;
  globalSegmentAnalyticsKey?: string | undefined;
}

/**
 * Replays the buffer at `scope[key]` into a fresh `AnalyticsBrowser`, which takes the buffer's place: at once for
 * calls, and as the loaded instance once it is there. The write key is the script's, `scope.analyticsWriteKey` or the
 * snippet's; without one, the page calls `load` itself. `undefined` when the place is taken already.
 */
export function takeOver<F extends Standing>(make: () => F, scope: Scope, script: ScriptData = {}): F | undefined {
  const key = script.globalSegmentAnalyticsKey ?? 'analytics';
  const held: unknown = scope[key];
  if ((held as { initialized?: boolean } | undefined)?.initialized) return undefined;
  const buffer = (Array.isArray(held) ? held : []) as Buffer;
  const writeKey = script.writeKey ?? (scope.analyticsWriteKey as string | undefined) ?? buffer._writeKey;
  const facade = make();
  const push = ([method, ...args]: [string, ...unknown[]]): void => {
    const page = popPageContext(args);
    facade.s.capture(method, args, page && pageOfBuffered(page));
  };
  buffer.splice(0).forEach(push);
  // Old references to the buffer still work: the snippet's methods look for `initialized`, and `push` goes on.
  buffer.push = (...calls) => {
    calls.forEach(push);
    return 0;
  };
  scope[key] = Object.assign(facade, { initialized: true, push });
  if (writeKey) {
    const { apiHost } = script;
    const settings = { writeKey, ...(buffer._cdn && { cdnURL: buffer._cdn }), ...(apiHost && { apiHost }) };
    facade.load(settings, buffer._loadOptions);
  }
  facade.then(([instance]) => {
    scope[key] = instance;
  });
  return facade;
}
