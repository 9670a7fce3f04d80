import type { InitOptions } from './api/types.js';

/** Whether `integrations` of `load` leave the hub out: then analytics-next does not load its Segment.io plugin. */
export const hubless = ({ integrations = {} }: InitOptions): boolean => {
  const hub = integrations['Segment.io'];
  return hub === false || (integrations.All === false && !hub);
};
