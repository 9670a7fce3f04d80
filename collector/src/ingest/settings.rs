//! The settings documents that SDKs fetch when they start.
//!
//! `integrations["Segment.io"].apiHost` is what sends analytics.js and the mobile SDKs to this collector.

use headwater_model::context::merge;
use headwater_model::json::{Object, Value};

use super::public::Address;
use crate::sources::Source;

/// The document of Segment's CDN, with the source's own settings laid over it.
pub(super) fn segment(source: &Source, write_key: &str, address: &Address) -> Object {
    let enabled = || {
        object([
            ("enabled", Value::from(true)),
            ("integrations", Value::Object(Object::new())),
        ])
    };
    let planned = || Value::Object(object([("__default", Value::Object(enabled()))]));
    let empty = || Value::Object(Object::new());
    let segment_io = object([
        ("apiKey", Value::from(write_key)),
        ("apiHost", Value::from(format!("{}/v1", address.host))),
        ("protocol", Value::from(address.protocol)),
        ("addBundledMetadata", Value::from(true)),
        ("unbundledIntegrations", Value::Array(Vec::new())),
        ("maybeBundledConfigIds", empty()),
        (
            "versionSettings",
            Value::Object(object([
                ("version", Value::from("4.4.7")),
                ("componentTypes", Value::Array(Vec::new())),
            ])),
        ),
    ]);
    let mut document = object([
        (
            "integrations",
            Value::Object(object([("Segment.io", Value::Object(segment_io))])),
        ),
        (
            "plan",
            Value::Object(object([
                ("track", planned()),
                ("identify", planned()),
                ("group", planned()),
            ])),
        ),
        ("edgeFunction", empty()),
        ("analyticsNextEnabled", Value::from(true)),
        (
            "middlewareSettings",
            Value::Object(object([("routingRules", Value::Array(Vec::new()))])),
        ),
        ("enabledMiddleware", empty()),
        (
            "metrics",
            Value::Object(object([("sampleRate", Value::from(0_i64))])),
        ),
        ("legacyVideoPluginsEnabled", Value::from(false)),
        ("remotePlugins", Value::Array(Vec::new())),
    ]);
    merge(&mut document, source.settings.clone());
    document
}

/// The document of RudderStack's control plane: a source without destinations.
pub(super) fn rudder(source: &Source, write_key: &str) -> Object {
    let off = || Value::Object(object([("enabled", Value::from(false))]));
    let statistics = object([("errors", off()), ("metrics", off())]);
    let described = object([
        ("id", Value::from(&*source.id)),
        ("name", Value::from(&*source.name)),
        ("writeKey", Value::from(write_key)),
        ("enabled", Value::from(source.enabled)),
        ("workspaceId", Value::from("headwater")),
        (
            "config",
            Value::Object(object([("statsCollection", Value::Object(statistics))])),
        ),
        ("connections", Value::Array(Vec::new())),
        ("destinations", Value::Array(Vec::new())),
        ("dataplanes", Value::Object(Object::new())),
    ]);
    object([("source", Value::Object(described))])
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Object {
    pairs.into_iter().collect()
}
