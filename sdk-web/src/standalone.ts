/**
 * The script build: for `<script src=".../standalone.js" data-write-key="…">`, alone or behind a snippet. Takes over the
 * calls that the snippet buffered, in their order, and stands in its place.
 */
import { takeOver } from './api/snippet.js';
import { AnalyticsBrowser } from './index.js';

const script = document.currentScript as HTMLScriptElement | null;
const page = window as unknown as Record<string, unknown>;
page.AnalyticsBrowser = AnalyticsBrowser;
takeOver(() => new AnalyticsBrowser(), page, {
  ...script?.dataset,
  // Segment's own snippet names the source in the address.
  ...(/\/analytics\.js\/v1\/[^/]+\//.test(script?.src ?? '') && {
    writeKey: script?.src.split('/analytics.js/v1/')[1]?.split('/')[0],
  }),
});
