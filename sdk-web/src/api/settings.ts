// What a settings document switches on. Loaded by pages that have one.

import { NO_SETTINGS, SETTINGS, SUBMIT } from '../engine/inputs.js';
import type { Captured } from '../engine/port.js';
import { type Finish, inHalves } from './halves.js';
import type { Lent } from './lent.js';
import { loadRemotePlugins } from './remote.js';
import type { CDNSettings, InitOptions, SegmentEvent } from './types.js';

/** Events remembered for destinations that only the settings document will name. */
const EARLY = 1_000;

/** All that a runtime knows of settings documents. */
export type Documents = ReturnType<typeof createDocuments>;

export const createDocuments = (lent: Lent) => {
  const { host, settings, diagnose } = lent;
  const { plan, updateCDNSettings: update, remotePlugins } = host.options as InitOptions;
  /** Addresses of remote plugins that were dealt with before; a document may come again. */
  const applied = new Set<string>();
  /** What was sent before the document came, where it may name destinations that must have it. */
  let early: SegmentEvent[] | undefined = remotePlugins ? [] : undefined;
  let known!: (document: CDNSettings) => void;
  settings.cdnSettings ??= {};
  const missed = (): SegmentEvent[] => {
    const all = early ?? [];
    early = undefined;
    return all;
  };
  /** What `load` says of the document, applied to its text; what is cached has been through `change`. */
  const revise = (text: string, change?: typeof update): string => {
    if (!plan && !change) return text;
    try {
      const read = JSON.parse(text) as CDNSettings;
      const planned = plan ? { ...read, plan: { ...read.plan, ...plan } } : read;
      return JSON.stringify(change?.(planned) ?? planned);
    } catch (error) {
      diagnose('settings_failed', `${error}`);
      return text;
    }
  };
  /** A document is known. */
  const settled = (text: string): void => {
    const document = JSON.parse(text) as CDNSettings;
    settings.cdnSettings = document;
    known(document);
    lent.plugins()?.setRules(document);
    const remote = document.remotePlugins?.some(({ url }) => !applied.has(url));
    if (!remote && !applied.size) early = undefined;
    if (remote || document.enabledMiddleware)
      applySettings(document, lent, applied, missed).catch((error) => console.error('headwater:', error));
  };
  return {
    settled,
    /** Where events are to be remembered, as long as they are. */
    early: (): SegmentEvent[] | undefined => early && (early.length < EARLY ? early : []),
    /** The first document: destination filters come with it, so destinations wait for it. */
    document: new Promise<CDNSettings>((resolve) => (known = resolve)),
    /** The document that the page was given, or the one that is `cached`, with the plan of `load`. */
    given(cached?: string): string | undefined {
      const { cdnSettings, cdnURL, settingsUrl } = host.settings;
      if (cdnSettings) return revise(JSON.stringify(cdnSettings), update);
      // Where none is fetched, the plan alone is one.
      const text = cached ?? (cdnURL || settingsUrl || host.options.settingsUrl ? undefined : '{}');
      return text && revise(text);
    },
    /** An event that destinations may want of which nothing is known yet. */
    inHalves: (json: string, call: Captured, finish: Finish) => inHalves(lent, json, call, finish),
    /** Fetches the document. */
    async effect(_kind: number, _numbers: number[], [url]: string[]): Promise<void> {
      const lives = host.mortal();
      // As a function: the page's own `fetch` minds whose method it is.
      const { fetch } = host;
      const got = await fetch(url!)
        .then(async (answer) => [answer.status, await answer.text()] as const)
        .catch(() => undefined);
      if (!lives()) return;
      if (!got) return host.input(NO_SETTINGS);
      const [status, body] = got;
      const document = status === 200 ? revise(body, update) : body;
      host.input(SETTINGS, 0, status, document);
      try {
        if (status === 200) settled(document);
      } catch {
        // No JSON: the engine has said so.
      }
    },
  };
};

/** Loads the document's destinations and offers them what was sent before (`take`). */
async function applySettings(
  document: CDNSettings,
  lent: Lent,
  applied: Set<string>,
  take: () => readonly SegmentEvent[],
): Promise<void> {
  const { enabledMiddleware = {}, remotePlugins = [] } = document;
  const { host, failures, diagnose } = lent;
  const { remotePlugins: allowed, integrations = {} } = host.options as InitOptions;
  for (const name of Object.keys(enabledMiddleware)) {
    diagnose('ignored', `enabledMiddleware.${name}: remote middleware is not loaded; add it with addSourceMiddleware`);
  }
  const fresh = remotePlugins.filter(({ url }) => !applied.has(url));
  if (!fresh.length) return;
  for (const { url } of fresh) applied.add(url);
  const refuse = (name: string, why: string): void => {
    failures.push(name);
    diagnose('remote_plugin', `${name}: ${why}`);
  };
  if (!allowed) {
    for (const { name } of fresh) refuse(name, 'options.remotePlugins.allow is not set');
    return;
  }
  const plugins = await lent.withPlugins();
  const found = await loadRemotePlugins(fresh, integrations, allowed, refuse, plugins.loading);
  // In one go: from here on the engine offers them every event, and what came before is taken exactly here.
  const registered = plugins.register(...found);
  const missed = take();
  const keys = new Set(found.filter(({ type }) => type === 'destination').map(({ name }) => name));
  for (const event of missed) {
    const own = plugins.alias(event.integrations ?? {});
    plugins.restore(event);
    for (const key of keys) {
      // To this destination alone: the hub has it, and so have the others.
      const wish = { All: false, 'Segment.io': false, [key]: own[key] ?? own.All !== false };
      host.ask(SUBMIT, JSON.stringify({ ...event, integrations: wish }));
    }
  }
  await registered;
}
