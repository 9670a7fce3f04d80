import { expect, it } from 'vitest';
import { complaints } from './compile.js';

it('the types take what analytics-next takes, and refuse events that the page’s map does not know', () => {
  expect(complaints(['test/api/typed-events.ts'])).toEqual([]);
}, 60_000);
