// What a settings document switches on. Loaded when there is something to switch.

import type { Host } from '../engine/port.js';
import type { Plugins } from './plugins.js';
import { loadRemotePlugins } from './remote.js';
import type { CDNSettings, InitOptions, SegmentEvent } from './types.js';

/** What the runtime lends. */
export interface Around {
  host: Host;
  /** Addresses of remote plugins that were dealt with before; a document may come again. */
  applied: Set<string>;
  /** Takes the events that were sent before these destinations were there. */
  missed(): readonly SegmentEvent[];
  withPlugins(): Promise<Plugins>;
  failures: string[];
  diagnose(kind: string, detail: string): void;
}

/** Loads the document's destinations and offers them what was sent before. */
export async function applySettings(document: CDNSettings, around: Around): Promise<void> {
  const { enabledMiddleware = {}, remotePlugins = [] } = document;
  const { host, applied, failures, diagnose } = around;
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
  const plugins = await around.withPlugins();
  const found = await loadRemotePlugins(fresh, integrations, allowed, refuse, plugins.loading);
  // In one go: from here on the engine offers them every event, and what came before is taken exactly here.
  const registered = plugins.register(...found);
  const missed = around.missed();
  const keys = new Set(found.filter(({ type }) => type === 'destination').map(({ name }) => name));
  for (const event of missed) {
    const own = plugins.alias(event.integrations ?? {});
    plugins.restore(event);
    for (const key of keys) {
      // To this destination alone: the hub has it, and so have the others.
      const wish = { All: false, 'Segment.io': false, [key]: own[key] ?? own.All !== false };
      const again = { n: 0, m: event.type, a: [], t: Date.now(), e: [] };
      host.submit(JSON.stringify({ ...event, integrations: wish }), again);
    }
  }
  await registered;
}
