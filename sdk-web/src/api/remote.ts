// Device-mode destinations from the settings document. Loaded only when the document names some and the page lets them.

import type { Plugins } from './plugins.js';
import type { Integrations, Plugin, RemotePlugin, RemotePluginOptions } from './types.js';

type Factory = (settings: Record<string, unknown>) => Plugin | Plugin[] | Promise<Plugin | Plugin[]>;

const isFunction = (x: unknown): x is (...args: never[]) => unknown => typeof x === 'function';

const HOOKS = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const;

const wanted = ({ name, creationName }: RemotePlugin, integrations: Integrations): boolean => {
  const said = integrations[creationName ?? name] ?? integrations[name];
  return said === undefined ? integrations.All !== false : said !== false;
};

/** A page that requires Trusted Types lets in what `remotePlugins.allow` let in, by the policy `headwater`. */
let policy: { createScriptURL(url: string): unknown } | undefined;
const trusted = (url: string): string => {
  const { trustedTypes } = globalThis as {
    trustedTypes?: { createPolicy(name: string, rules: { createScriptURL(url: string): string }): typeof policy };
  };
  policy ??= trustedTypes?.createPolicy('headwater', { createScriptURL: (allowed) => allowed });
  return (policy?.createScriptURL(url) as string | undefined) ?? url;
};

const script = (url: string, nonce: string | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const element = document.createElement('script');
    element.async = true;
    element.src = trusted(url);
    if (nonce) element.nonce = nonce;
    element.onload = () => resolve();
    element.onerror = () => reject(new Error(`${url} did not load`));
    document.head.appendChild(element);
  });

/** The plugin under the name that `integrations` and the settings know, and under its own. */
const named = (plugin: Plugin, name: string): Plugin => {
  const wrapper: Plugin = {
    name,
    alternativeNames: [plugin.name, ...(plugin.alternativeNames ?? [])].filter((other) => other !== name),
    type: plugin.type,
    version: plugin.version ?? '',
    ...(plugin.categories && { categories: plugin.categories }),
    isLoaded: () => plugin.isLoaded(),
    load: (ctx, analytics) => plugin.load(ctx, analytics),
    unload: (ctx, analytics) => plugin.unload?.(ctx, analytics),
    ready: async () => plugin.ready?.(),
  };
  for (const hook of HOOKS) {
    if (isFunction(plugin[hook])) wrapper[hook] = (ctx) => plugin[hook]?.(ctx);
  }
  return wrapper;
};

const load = async (
  remote: RemotePlugin,
  integrations: Integrations,
  { nonce }: RemotePluginOptions,
  loading: Plugins['loading'],
): Promise<Plugin[]> => {
  const { url, libraryName, name, creationName = name } = remote;
  const held = globalThis as unknown as Record<string, Factory | undefined>;
  if (!isFunction(held[libraryName])) await loading(() => script(url, nonce), url);
  const factory = held[libraryName];
  if (!isFunction(factory)) throw new Error(`${url} did not define ${libraryName}`);
  const own = integrations[creationName] ?? integrations[name];
  const settings = { ...remote.settings, ...(typeof own === 'object' && own) };
  const made = await loading(() => (factory as Factory)(settings), libraryName);
  return (Array.isArray(made) ? made : [made]).map((plugin) => named(plugin, creationName));
};

/** Loads what may be loaded, all at once; one that fails is told of and left out. The order is the document's. */
export async function loadRemotePlugins(
  remotes: readonly RemotePlugin[],
  integrations: Integrations,
  options: RemotePluginOptions,
  failed: (name: string, why: string) => void,
  loading: Plugins['loading'],
): Promise<Plugin[]> {
  const loaded = remotes.map(async (remote): Promise<Plugin[]> => {
    try {
      if (!wanted(remote, integrations)) return [];
      if (!options.allow(remote.url)) {
        failed(remote.name, `the page does not allow ${remote.url}`);
        return [];
      }
      return await load(remote, integrations, options, loading);
    } catch (error) {
      failed(remote.name, error instanceof Error ? error.message : String(error));
      return [];
    }
  });
  return (await Promise.all(loaded)).flat();
}
