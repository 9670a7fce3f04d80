//! Pure rules shared by the SDK and the collector: consent and integrations
