import type { Identity } from './port.js';

/** RudderStack's values: JSON, in its envelope or not. */
const read = (value: string | null | undefined): unknown => {
  try {
    const text = value?.startsWith('RS_ENC_v3_')
      ? new TextDecoder().decode(Uint8Array.from(atob(value.slice(10)), (char) => char.charCodeAt(0)))
      : value;
    return text ? JSON.parse(text) : undefined;
  } catch {
    return;
  }
};

/** The user as RudderStack's SDK left it: a visitor stays the same one when a site changes to us. */
export const rudderIdentity = (stored: (key: string) => string | null | undefined): Identity | undefined => {
  const text = (key: string): string | undefined => {
    const value = read(stored(key));
    return value === undefined || value === null || value === '' ? undefined : `${value}`;
  };
  const tree = (key: string): Record<string, unknown> => {
    const value = read(stored(key));
    return value && typeof value === 'object' ? { ...value } : {};
  };
  const anonymousId = text('rl_anonymous_id');
  const userId = text('rl_user_id');
  const groupId = text('rl_group_id');
  return anonymousId
    ? {
        anonymousId,
        ...(userId && { userId }),
        traits: tree('rl_trait'),
        ...(groupId && { groupId, groupTraits: tree('rl_group_trait') }),
      }
    : undefined;
};
