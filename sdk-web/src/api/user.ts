// `user()` and `group()`: views of the engine's identity, with the setters of analytics-next.

import type { Host, Identity } from '../engine/port.js';
import type { ID, Traits } from './types.js';

/** Sixteen bytes as a version 4 UUID. */
export function uuid(bytes: Uint8Array): string {
  bytes[6] = ((bytes[6] as number) & 15) | 64;
  bytes[8] = ((bytes[8] as number) & 63) | 128;
  const hex = [...bytes].map((byte) => (byte + 256).toString(16).slice(1)).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** A random UUID; with `seed` (32-bit numbers), the one that belongs to them. */
export function freshId(seed?: readonly number[]): string {
  const bytes = new Uint8Array(16);
  if (seed) bytes.set(new Uint8Array(Uint32Array.from(seed.slice(4, 8)).buffer));
  else crypto.getRandomValues(bytes);
  return uuid(bytes);
}

/** The current user. Each accessor reads with no argument and writes with one. */
export interface User {
  /** Writing another id where there was one starts a new visitor: a new anonymousId. */
  id(id?: ID): ID;
  /** Writing `null` makes a new one. */
  anonymousId(id?: ID): ID;
  /** Writing replaces all; `null` empties. */
  traits(traits?: Traits | null): Traits;
  /** As `analytics.identify`, without an event. */
  identify(id?: ID, traits?: Traits | null): void;
  /** Forgets id and traits, makes a new anonymousId. */
  logout(): void;
  reset(): void;
  load(): User;
  save(): boolean;
}

/** The current account; it has no anonymousId. */
export type Group = User;

type Read = { id: ID; traits: Traits };

/** The two views of one identity. */
export function createUsers(host: Pick<Host, 'identity' | 'setIdentity' | 'drain'>): { user: User; group: Group } {
  const current = (): Identity => {
    host.drain();
    return host.identity();
  };
  const write = (change: Partial<Record<keyof Identity, unknown>>): void => {
    const next = { ...host.identity(), ...change } as Identity;
    if (!next.userId) delete next.userId;
    if (!next.groupId) delete next.groupId;
    host.setIdentity(next);
  };

  const view = (
    read: (identity: Identity) => Read,
    save: (now: Partial<Read>, others: boolean) => void,
    anonymous: boolean,
  ): User => {
    const view: User = {
      id(id) {
        const held = read(current()).id;
        if (id === undefined) return held;
        save({ id: id === null ? null : `${id}` }, Boolean(held && id && held !== id));
        return id;
      },
      anonymousId(id) {
        if (!anonymous) return undefined;
        const held = current().anonymousId;
        if (id === undefined) return held;
        const next = id || freshId();
        if (next !== held) write({ anonymousId: next });
        return next;
      },
      traits(traits) {
        if (traits !== undefined) {
          current();
          save({ traits: traits ?? {} }, false);
        }
        return { ...read(host.identity()).traits };
      },
      identify(id, traits) {
        const held = read(current());
        const same = !held.id || id == null || held.id === id;
        save(
          { ...(id != null && { id: `${id}` }), traits: same ? { ...held.traits, ...traits } : (traits ?? {}) },
          !same,
        );
      },
      logout() {
        current();
        save({ id: null, traits: {} }, true);
      },
      reset: () => view.logout(),
      load: () => view,
      save: () => true,
    };
    return view;
  };

  return {
    user: view(
      (identity) => ({ id: identity.userId ?? null, traits: identity.traits }),
      ({ id, traits }, another) =>
        write({
          ...(id !== undefined && { userId: id }),
          ...(traits && { traits }),
          ...(another && { anonymousId: freshId() }),
        }),
      true,
    ),
    group: view(
      (identity) => ({ id: identity.groupId ?? null, traits: identity.groupTraits ?? {} }),
      ({ id, traits }) => write({ ...(id !== undefined && { groupId: id }), ...(traits && { groupTraits: traits }) }),
      false,
    ),
  };
}
