//! TLS without global state: rustls with ring, the operating system's roots, and those the application adds.

use std::sync::Arc;

use headwater_engine::Config;
use once_cell::sync::OnceCell;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::address::without_secret;
use crate::error::BuildError;

/// The HTTP client's settings that the engine has no use for.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) proxy: Option<String>,
    pub(crate) no_proxy: bool,
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) connect_timeout: std::time::Duration,
    pub(crate) user_agent: String,
}

/// How long a connection may take to come about; a request's own timeout goes on top of nothing, it contains this.
const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

impl Default for Network {
    fn default() -> Network {
        Network {
            proxy: None,
            no_proxy: false,
            roots: Vec::new(),
            connect_timeout: CONNECT_TIMEOUT,
            user_agent: [crate::builder::NAME, "/", crate::builder::VERSION].concat(),
        }
    }
}

impl Network {
    /// Redirects are off: a 3xx is an answer of the hub's, and the retry table says what it means.
    pub(crate) fn client(&self, config: &Config) -> Result<reqwest::Client, BuildError> {
        let settings = config
            .settings
            .as_ref()
            .map_or("", |settings| &settings.url);
        // The settings document may name an https host later on, where it is asked for one.
        let follows = !config.endpoint.is_known()
            || config
                .settings
                .as_ref()
                .is_some_and(|settings| settings.follow_api_host);
        let proxy = self.proxy.as_deref().unwrap_or_default();
        let secure = follows
            || [config.endpoint.as_str(), settings, proxy]
                .iter()
                .any(|url| url.starts_with("https://"));
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls(secure)?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.connect_timeout)
            .pool_max_idle_per_host(2)
            .user_agent(self.user_agent.clone());
        if self.no_proxy {
            builder = builder.no_proxy();
        }
        if let Some(proxy) = &self.proxy {
            let proxy = reqwest::Proxy::all(proxy).map_err(|error| BuildError::Address {
                what: "proxy",
                given: without_secret(proxy),
                reason: reason(&error),
            })?;
            builder = builder.proxy(proxy);
        }
        builder
            .build()
            .map_err(|error| BuildError::Http(reason(&error)))
    }

    fn tls(&self, needed: bool) -> Result<ClientConfig, BuildError> {
        let failed = |error: &dyn std::fmt::Display| BuildError::Tls(error.to_string());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?;
        let mut config = if needed {
            builder
                .dangerous()
                .with_custom_certificate_verifier(self.shared_verifier(provider)?)
                .with_no_client_auth()
        } else {
            // Nothing is https: a machine without certificates will do, and their memory is saved. An https address
            // that came up all the same would be refused, never trusted.
            builder
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth()
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Reading the system's certificates takes milliseconds and megabytes: clients that add none of their own share one
    /// reading. A failure is not kept; the next client tries again.
    fn shared_verifier(
        &self,
        provider: Arc<rustls::crypto::CryptoProvider>,
    ) -> Result<Arc<Verifier>, BuildError> {
        static SYSTEM: OnceCell<Arc<Verifier>> = OnceCell::new();
        if self.roots.is_empty() {
            let read = || self.verifier(provider).map(Arc::new);
            return SYSTEM.get_or_try_init(read).map(Arc::clone);
        }
        self.verifier(provider).map(Arc::new)
    }

    #[cfg(not(target_os = "android"))]
    fn verifier(
        &self,
        provider: Arc<rustls::crypto::CryptoProvider>,
    ) -> Result<Verifier, BuildError> {
        let mut roots = Vec::new();
        for pem in &self.roots {
            let before = roots.len();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                roots.push(certificate.map_err(|error| BuildError::Tls(error.to_string()))?);
            }
            if roots.len() == before {
                return Err(BuildError::Tls(
                    "the root certificate given holds no certificate in PEM form".to_owned(),
                ));
            }
        }
        Verifier::new_with_extra_roots(roots, provider)
            .map_err(|error| BuildError::Tls(error.to_string()))
    }

    #[cfg(target_os = "android")]
    fn verifier(
        &self,
        provider: Arc<rustls::crypto::CryptoProvider>,
    ) -> Result<Verifier, BuildError> {
        Verifier::new(provider).map_err(|error| BuildError::Tls(error.to_string()))
    }
}

/// The innermost cause: reqwest's own words say only that building failed.
fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
