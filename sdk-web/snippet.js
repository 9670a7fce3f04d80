// Paste this into a script element of the page's head and set the three values of its last lines.
// Calls work at once and are kept in order, each with the page it was made on; the standalone build takes them over.
(function () {
  var key = 'analytics';
  var analytics = (window[key] = window[key] || []);
  if (analytics.initialized || analytics.invoked) return;
  analytics.invoked = true;
  analytics.SNIPPET_VERSION = 'headwater-1';
  var events = ['track', 'screen', 'alias', 'group', 'page', 'identify'];
  var others =
    'trackSubmit trackClick trackLink trackForm pageview reset ready debug once off on user addSourceMiddleware addIntegrationMiddleware setAnonymousId addDestinationMiddleware register deregister setConsent flush'.split(
      ' ',
    );
  var where = function () {
    var canonical = document.querySelector('link[rel=canonical]');
    return {
      __t: 'bpc',
      c: (canonical && canonical.getAttribute('href')) || undefined,
      p: location.pathname,
      u: location.href,
      s: location.search,
      t: document.title,
      r: document.referrer,
    };
  };
  events.concat(others).forEach(function (method) {
    analytics[method] = function () {
      if (window[key].initialized) return window[key][method].apply(window[key], arguments);
      var call = [method].concat([].slice.call(arguments));
      if (events.indexOf(method) > -1) {
        call.push(where());
        call.when = Date.now();
      }
      analytics.push(call);
      return analytics;
    };
  });
  // A page that is left before the build is there: the next page sends what was called here, and what the address asked for.
  addEventListener('pagehide', function (leaving) {
    var options = analytics._loadOptions || {};
    var wish = options.integrations || {};
    var hub = wish['Segment.io'] !== false && (wish.All !== false || wish['Segment.io']);
    if (window[key].initialized || leaving.persisted || options.disableClientPersistence || options.consent || !hub) return;
    try {
      var tab = 's' + Math.random().toString(36).slice(2);
      var query = location.search || location.hash || '';
      var asked = ['queryString', query, where()];
      asked.when = options.useQueryString !== false && query.indexOf('ajs_') > -1 && Date.now();
      [asked].concat(analytics).forEach(function (call, i) {
        if (!call.when) return;
        var random = [].slice.call(crypto.getRandomValues(new Uint32Array(8)));
        var page = call.pop();
        var at = page.c ? (page.c.indexOf('?') < 0 ? page.c + page.s : page.c) : page.u.split('#')[0];
        var path = page.c ? new URL(page.c, page.u).pathname : page.p;
        var place = { path: path, referrer: page.r, search: page.s, title: page.t, url: at };
        var entry = { n: i + 1, m: call[0], t: call.when, e: random, p: place, a: call.slice(1) };
        localStorage.setItem('hw:' + analytics._writeKey + ':j:' + tab + ':' + (i + 1), JSON.stringify(entry));
      });
    } catch (refused) {}
  });
  analytics.load = function (writeKey, options) {
    analytics._writeKey = writeKey;
    analytics._loadOptions = options;
    var script = document.createElement('script');
    script.async = true;
    script.src = analytics._src;
    script.setAttribute('data-global-segment-analytics-key', key);
    if (analytics._nonce) script.nonce = analytics._nonce;
    document.head.appendChild(script);
    // What the script would ask for next, asked for with it.
    var given = options || {};
    var engine = given.consent || given.sessionTimeout || given.settingsUrl ? 'full.js' : 'lite.js';
    ['engine.js', engine].forEach(function (file) {
      var link = document.createElement('link');
      link.rel = 'modulepreload';
      link.href = analytics._src.replace(/[^/]*$/, file);
      if (analytics._nonce) link.nonce = analytics._nonce;
      document.head.appendChild(link);
    });
  };
  // The path of the package's dist/standalone.js on your own site, the source's write key, and where events go.
  analytics._src = '/headwater/standalone.js';
  analytics.load('YOUR_WRITE_KEY', { apiHost: '/t/v1' });
  analytics.page();
})();
