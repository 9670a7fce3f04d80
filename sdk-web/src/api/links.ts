// `trackLink` and `trackForm`. A click is captured, in the journal too, before the listener returns; the page is then
// left as it would have been, at most `timeout` later, so that device-mode destinations have their chance.

import { isFunction } from './arguments.js';

type Capture = (method: string, args: ArrayLike<unknown>) => Promise<unknown>;

const elementsOf = (given: unknown): Element[] => {
  if (!given) return [];
  const list = given as ArrayLike<Element>;
  // A form has a length, too.
  return isFunction((given as Element).addEventListener) ? [given as Element] : Array.from(list);
};

const hrefOf = (element: Element): string | null | undefined =>
  element.getAttribute('href') ||
  element.getAttributeNS?.('http://www.w3.org/1999/xlink', 'href') ||
  element.getAttribute('xlink:href') ||
  element.getElementsByTagName?.('a')[0]?.getAttribute('href');

/** Listens on the elements from now on. `args`: elements, event, properties, options. */
export function autoTrack(
  kind: 'click' | 'submit',
  capture: Capture,
  timeout: () => number,
  args: readonly unknown[],
): void {
  const [given, event, properties, options] = args;
  for (const element of elementsOf(given)) {
    if (!isFunction(element?.addEventListener)) throw new TypeError('Must pass HTMLElement to trackLink or trackForm');
    const of = (value: unknown): unknown => (isFunction(value) ? value(element) : value);
    const listener = (e: Event): void => {
      const tracked = capture('track', [of(event), of(properties) ?? {}, options ?? {}]);
      const { ctrlKey, shiftKey, metaKey, button } = e as MouseEvent;
      const elsewhere = element.getAttribute('target') === '_blank' || ctrlKey || shiftKey || metaKey || button === 1;
      const href = kind === 'click' ? hrefOf(element) : '';
      // Another listener that prevented the click leaves the page itself, or does not.
      if (e.defaultPrevented || (kind === 'click' && (!href || elsewhere))) return;
      e.preventDefault();
      const leave = (): void => {
        if (href) location.href = href;
        else (element as HTMLFormElement).submit();
      };
      Promise.race([tracked.catch(() => {}), new Promise((done) => setTimeout(done, timeout()))]).then(leave);
    };
    const jquery = (globalThis as { jQuery?: any; Zepto?: any }).jQuery || (globalThis as { Zepto?: any }).Zepto;
    // jQuery's own submit() reaches jQuery's listeners alone.
    if (kind === 'submit' && isFunction(jquery))
      (jquery(element) as { submit(l: typeof listener): void }).submit(listener);
    else element.addEventListener(kind, listener);
  }
}
