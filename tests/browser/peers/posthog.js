import posthog from 'posthog-js';

globalThis.sdk = {
  start({ writeKey, endpoint }) {
    posthog.init(writeKey, {
      api_host: endpoint,
      // A headless browser is taken for a robot otherwise.
      opt_out_useragent_filter: true,
      disable_compression: true,
      autocapture: false,
      capture_pageview: false,
      capture_pageleave: false,
      advanced_disable_flags: true,
      disable_session_recording: true,
      disable_external_dependency_loading: true,
    });
  },
  track: (event, properties) => posthog.capture(event, properties),
  ready: async () => true,
};
