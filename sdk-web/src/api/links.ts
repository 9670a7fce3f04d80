// `trackLink` and `trackForm`. A click is captured, in the journal too, before the listener returns, also while the
// chunk that delays leaving the page is still on its way.

type Capture = (method: string, args: ArrayLike<unknown>) => Promise<unknown>;
type Leave = typeof import('./leave.js').leave;

let leave: Leave | undefined;

const isFunction = (x: unknown): x is (...args: unknown[]) => unknown => typeof x === 'function';

/** Listens on the elements from now on. `args`: elements, event, properties, options. */
export function autoTrack(kind: string, capture: Capture, timeout: () => number, args: readonly unknown[]): void {
  const [given, event, properties, options] = args;
  import('./leave.js').then((chunk) => (leave = chunk.leave)).catch(() => {});
  // A form has a length, too.
  const one = isFunction((given as Element | undefined)?.addEventListener);
  for (const element of (one ? [given] : Array.from((given as ArrayLike<unknown>) ?? [])) as Element[]) {
    const of = (value: unknown): unknown => (isFunction(value) ? value(element) : value);
    const listener = (e: Event): void => {
      const tracked = capture('track', [of(event), of(properties) ?? {}, options ?? {}]);
      leave?.(e, element, kind, tracked, timeout());
    };
    const { jQuery, Zepto } = globalThis as { jQuery?: any; Zepto?: any };
    const query = kind === 'submit' && (jQuery || Zepto);
    // jQuery's own submit() reaches jQuery's listeners alone.
    if (query) query(element).submit(listener);
    else element.addEventListener(kind, listener);
  }
}
