//! TLS: an own authority is trusted when it is given, and not otherwise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

mod hub;

use std::sync::Arc;

use headwater::{BuildError, Client, Durability};
use hub::Hub;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// A hub with a certificate of an authority made just now, and that authority in PEM form.
fn hub() -> (Hub, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (Hub::secure(config), authority.pem())
}

fn client(hub: &Hub) -> headwater::Builder {
    Client::builder("test-key")
        .endpoint(format!("https://localhost:{}", hub.port()))
        .durability(Durability::Memory)
        .no_proxy()
}

#[test]
fn events_arrive_under_an_authority_that_was_given() {
    let (hub, authority) = hub();
    let client = client(&hub).root_certificate(authority).build().unwrap();
    client.track("a", ()).user_id("u").send().unwrap();
    let report = client.flush_blocking();
    assert_eq!(report.delivered, 1, "{report:?}");
    assert_eq!(hub.events().len(), 1);
}

#[test]
fn an_authority_that_nobody_named_is_not_trusted_and_the_event_waits() {
    let (hub, _) = hub();
    let client = match client(&hub).build() {
        Ok(client) => client,
        // A machine without any certificates says so when it is built.
        Err(BuildError::Tls(_)) => return,
        Err(error) => panic!("{error}"),
    };
    client.track("a", ()).user_id("u").send().unwrap();
    let report = client.flush_blocking();
    assert_eq!((report.delivered, report.pending), (0, 1));
    assert!(hub.requests().is_empty());
}

#[test]
fn what_is_no_certificate_is_a_typed_error() {
    let (hub, _) = hub();
    let error = client(&hub)
        .root_certificate("not a certificate")
        .build()
        .unwrap_err();
    assert!(matches!(error, BuildError::Tls(_)), "{error}");
}
