// `user()` and `group()`: views of the engine's identity, with the setters of analytics-next.

import type { Host, Identity } from '../engine/port.js';
import type { ID, InitOptions, Traits } from './types.js';

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

/** One view; `idKey` and `traitsKey` are its fields of the identity. */
const view = (
  host: Pick<Host, 'identity' | 'setIdentity' | 'drain'>,
  idKey: 'userId' | 'groupId',
  traitsKey: 'traits' | 'groupTraits',
  fresh: () => string,
  disabled: unknown,
): User => {
  const isUser = idKey === 'userId';
  const now = (): Identity => {
    host.drain();
    return host.identity();
  };
  const write = (id: ID, traits: Traits, another: unknown): void => {
    const next: Identity = { ...host.identity(), [idKey]: id || undefined, [traitsKey]: traits };
    if (isUser && another) next.anonymousId = fresh();
    host.setIdentity(next);
  };
  const self: User = {
    id(id) {
      const held = now();
      const old = held[idKey] ?? null;
      if (id === undefined) return old;
      write(id && `${id}`, held[traitsKey] ?? {}, old && id && old !== id);
      return id;
    },
    anonymousId(id) {
      if (!isUser) return undefined;
      const held = now();
      if (id === undefined) return held.anonymousId;
      const anonymousId = id || fresh();
      host.setIdentity({ ...held, anonymousId });
      return anonymousId;
    },
    traits(traits) {
      const held = now();
      if (traits !== undefined) write(held[idKey], traits ?? {}, 0);
      return { ...host.identity()[traitsKey] };
    },
    identify(id, traits) {
      const held = now();
      const old = held[idKey];
      const another = old && id && old !== id;
      write(id || old, { ...(!another && held[traitsKey]), ...traits }, another);
    },
    logout() {
      now();
      write(null, {}, 1);
    },
    reset: () => self.logout(),
    load: () => self,
    save: () => true,
  };
  const silent: Partial<User> = {
    ...{ id: () => null, anonymousId: () => (isUser ? null : undefined), traits: () => ({}) },
    ...{ identify() {}, logout() {} },
  };
  return disabled ? Object.assign(self, silent) : self;
};

/** The two views of one identity; of whom the page disabled, nothing is to be seen. */
export const createUsers = (
  host: Pick<Host, 'identity' | 'setIdentity' | 'drain'>,
  fresh: () => string,
  { user, group }: InitOptions,
): { user: User; group: Group } => ({
  user: view(host, 'userId', 'traits', fresh, user?.disable),
  group: view(host, 'groupId', 'groupTraits', fresh, group?.disable),
});
