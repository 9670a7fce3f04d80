// Entry `@headwater/analytics/onetrust`: OneTrust as a source of consent. Its groups are the categories.

import { type ConsentSource, type Loadable, withConsent } from './consent-source.js';
import type { Categories, ConsentOptions } from './types.js';

interface OneTrust {
  GetDomainData(): {
    Groups: { CustomGroupId: string }[];
    ShowAlertNotice?: boolean;
    ConsentModel?: { Name?: string };
  };
  IsAlertBoxClosed?(): boolean;
  OnConsentChanged(changed: (event: { detail: string[] }) => void): void;
}

type Page = { OneTrust?: OneTrust; OnetrustActiveGroups?: string };

/** How often to look whether OneTrust's script is there, milliseconds. */
const POLL = 500;

const categoriesOf = (oneTrust: OneTrust, active: readonly string[]): Categories =>
  Object.fromEntries(
    oneTrust.GetDomainData().Groups.map(({ CustomGroupId: id }) => [id.trim(), active.includes(id.trim())]),
  );

const split = (groups: string | undefined): string[] =>
  (groups ?? '')
    .split(',')
    .map((id) => id.trim())
    .filter(Boolean);

/**
 * The source. Under OneTrust's opt-in and implied models there is no decision before the banner is closed; under the
 * others, what is active at first counts. `page` is where OneTrust's globals are.
 */
export function oneTrust({
  poll = POLL,
  page = globalThis as unknown as Page,
}: {
  poll?: number;
  page?: Page;
} = {}): ConsentSource {
  const arrived = new Promise<OneTrust>((resolve) => {
    const look = (): void => {
      if (page.OneTrust?.GetDomainData && page.OnetrustActiveGroups !== undefined) resolve(page.OneTrust);
      else setTimeout(look, poll);
    };
    look();
  });
  return {
    async getCategories() {
      const there = await arrived;
      const { ConsentModel, ShowAlertNotice } = there.GetDomainData();
      const asks = /opt-?in|implied/i.test(ConsentModel?.Name ?? '') && ShowAlertNotice !== false;
      if (asks && !there.IsAlertBoxClosed?.()) return undefined;
      return categoriesOf(there, split(page.OnetrustActiveGroups));
    },
    registerOnConsentChanged(changed) {
      arrived.then((there) =>
        there.OnConsentChanged(({ detail }) => changed(categoriesOf(there, detail.flatMap(split)))),
      );
    },
  };
}

/** `withOneTrust(new AnalyticsBrowser()).load({writeKey})`: opt-in, unless `consent` says otherwise. */
export function withOneTrust<A extends Loadable>(analytics: A, consent: ConsentOptions = {}): A {
  return withConsent(analytics, oneTrust(), consent);
}
