// Leaving the page as a tracked link or form would have, a little later: device-mode destinations have their chance.

const hrefOf = (element: Element): string | null | undefined =>
  element.getAttribute('href') ||
  element.getAttributeNS?.('http://www.w3.org/1999/xlink', 'href') ||
  element.getAttribute('xlink:href') ||
  element.getElementsByTagName?.('a')[0]?.getAttribute('href');

/** Holds a same-tab click or a submit back until the event is delivered, at most `timeout` milliseconds. */
export function leave(e: Event, element: Element, kind: string, tracked: Promise<unknown>, timeout: number): void {
  const { ctrlKey, shiftKey, metaKey, button } = e as MouseEvent;
  const href = kind === 'click' ? hrefOf(element) : '';
  const elsewhere = element.getAttribute('target') === '_blank' || ctrlKey || shiftKey || metaKey || button === 1;
  // Another listener that prevented the click leaves the page itself, or does not.
  if (e.defaultPrevented || (kind === 'click' && (!href || elsewhere))) return;
  e.preventDefault();
  Promise.race([tracked.catch(() => {}), new Promise((done) => setTimeout(done, timeout))]).then(() => {
    if (href) location.href = href;
    else (element as HTMLFormElement).submit();
  });
}
