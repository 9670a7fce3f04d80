import { analytics, choice, showLive } from './analytics.js';

document.getElementById('number').textContent = new URLSearchParams(location.search).get('order') ?? '';
const chosen = choice();
document.getElementById('event').textContent = chosen?.analytics
  ? 'Its event, though, was tracked in the moment in which you left the page, and is not lost.'
  : chosen
    ? 'As you said no, nothing of it left this device.'
    : 'Its event waits on this device until you choose.';
analytics.page('Thanks');
showLive(document.getElementById('live'));
