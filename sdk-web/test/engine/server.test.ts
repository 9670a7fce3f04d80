import { expect, it } from 'vitest';
import { AnalyticsBrowser } from '../../src/index.js';

it('a server that renders may import, load and call: nothing is kept, nothing hangs', async () => {
  const analytics = AnalyticsBrowser.load({ writeKey: 'wk' });
  analytics.on('track', () => {});
  expect(await analytics.track('a')).toBeUndefined();
  expect(analytics.s.q).toEqual([]);
  await expect(analytics).rejects.toThrow('no page');
});
