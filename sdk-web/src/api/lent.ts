import type { Host } from '../engine/port.js';
import type { Context } from './context.js';
import type { createEmitter, Emitter } from './emitter.js';
import type { Plugins } from './plugins.js';
import type { Documents } from './settings.js';
import type { Integrations, Plugin } from './types.js';

/**
 * What the runtime lends to what is loaded later. Lent, not imported: such a chunk shares no other with what every page
 * loads.
 */
export interface Lent {
  host: Host;
  version: string;
  emitter: Emitter;
  /** The instance's. */
  settings: Record<string, unknown> & { timeout: number };
  integrations: Integrations;
  /** Every plugin there is, in the order of registration. */
  list: Plugin[];
  /** Names of plugins that failed to load. */
  failures: string[];
  /** Contexts of the last events, by messageId. */
  recent: ReadonlyMap<string, Context>;
  Context: typeof Context;
  createEmitter: typeof createEmitter;
  /** Whether no event may go without this plugin. */
  isGuard(plugin: Plugin): boolean;
  random(): number[];
  hex(numbers: readonly number[]): string;
  uuid(numbers: readonly number[]): string;
  diagnose(kind: string, detail: string): void;
  withPlugins(): Promise<Plugins>;
  plugins(): Plugins | undefined;
  documents(): Documents | undefined;
}
