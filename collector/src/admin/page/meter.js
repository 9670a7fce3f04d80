// Totals, and the last minute as bars: one a second.

import { $, say } from './dom.js';

const SECONDS = 60;
const WIDTH = 180;
const HEIGHT = 28;

export function createMeter() {
  const good = new Array(SECONDS).fill(0);
  const bad = new Array(SECONDS).fill(0);

  function path(values, under, peak) {
    const step = WIDTH / SECONDS;
    let d = '';
    for (let i = 0; i < SECONDS; i++) {
      if (!values[i]) continue;
      const tall = Math.max(1.5, (values[i] / peak) * (HEIGHT - 2));
      const base = HEIGHT - (under ? (under[i] / peak) * (HEIGHT - 2) : 0);
      d += `M${(i * step).toFixed(1)} ${base.toFixed(1)}v${(-tall).toFixed(1)}h${(step - 0.8).toFixed(1)}v${tall.toFixed(1)}z`;
    }
    return d;
  }

  function tick() {
    let peak = 4;
    for (let i = 0; i < SECONDS; i++) peak = Math.max(peak, good[i] + bad[i]);
    $('sparkGood').setAttribute('d', path(good, null, peak));
    $('sparkBad').setAttribute('d', path(bad, good, peak));
    let recent = 0;
    for (let i = SECONDS - 3; i < SECONDS; i++) recent += good[i] + bad[i];
    recent /= 3;
    say($('rate'), recent === 0 ? '0' : recent < 10 ? recent.toFixed(1) : Math.round(recent).toLocaleString('en'));
    good.shift();
    bad.shift();
    good.push(0);
    bad.push(0);
  }

  setInterval(tick, 1000);

  return {
    count(kind, n = 1) {
      (kind === 'bad' ? bad : good)[SECONDS - 1] += n;
    },
    totals(stats) {
      for (const name of ['accepted', 'duplicates', 'rejected']) {
        const value = Number(stats[name]);
        if (Number.isFinite(value)) say($(name), value.toLocaleString('en'));
      }
      $('rejected').parentNode.toggleAttribute('data-some', Number(stats.rejected) > 0);
    },
  };
}
