//! A definition's file, as serde reads it and the JSON Schema describes it.
//!
//! Keys that hold an *expression* are plain texts; *shapes* are JSON in which a text that begins with `= ` is one.

use std::collections::BTreeMap;

use headwater_model::json::Value;
use schemars::JsonSchema;
use serde::Deserialize;

/// A destination.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefinitionFile {
    /// Its id: the file's name. Never reused.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its names in events' `integrations` and in Segment's exports.
    #[serde(default)]
    pub keys: Vec<String>,
    /// What it is for.
    #[serde(default)]
    pub categories: Vec<String>,
    /// The vendor's documents, by title.
    #[serde(default)]
    pub docs: Vec<String>,
    /// What its requests were compared with.
    pub verified: Verified,
    /// What a workspace tells it.
    #[serde(default)]
    pub settings: BTreeMap<String, SettingFile>,
    /// `$host`, by `$settings.region`; the only one when there is one.
    #[serde(default)]
    pub hosts: BTreeMap<String, String>,
    /// How requests prove who sends them.
    #[serde(default)]
    pub auth: AuthFile,
    /// Headers of every request: an object of shapes.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub headers: BTreeMap<String, Value>,
    /// How much at once.
    #[serde(default)]
    pub limits: LimitsFile,
    /// `$tables`: tables of texts, by name.
    #[serde(default)]
    pub tables: BTreeMap<String, BTreeMap<String, String>>,
    /// What it does, by name.
    pub actions: BTreeMap<String, ActionFile>,
    /// What a new connection does.
    #[serde(default)]
    pub presets: Vec<PresetFile>,
    /// Whether the keys are public and a phone or page may send the request itself.
    #[serde(default)]
    pub device: bool,
}

/// What a definition's requests were compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verified {
    /// The vendor's own servers took them.
    Live,
    /// They are what a reference implementation sends.
    Source,
    /// The vendor's documentation.
    Docs,
}

/// One setting.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingFile {
    /// Its type; text otherwise.
    #[serde(rename = "type", default)]
    pub kind: SettingKind,
    /// Whether nobody may see it.
    #[serde(default)]
    pub secret: bool,
    /// Whether pages and phones may see it.
    #[serde(default)]
    pub public: bool,
    /// Whether it may be left out; one with a default may be anyway.
    #[serde(default)]
    pub optional: bool,
    /// What it is when it is left out.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub default: Option<Value>,
    /// What it can be.
    #[serde(rename = "enum", default)]
    pub one_of: Vec<String>,
    /// The fewest characters.
    #[serde(rename = "minLength", default)]
    pub min_length: usize,
    /// What people call it.
    #[serde(default)]
    pub label: Option<String>,
    /// Where it is found.
    #[serde(default)]
    pub help: Option<String>,
}

/// A setting's type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SettingKind {
    /// A text.
    #[default]
    String,
    /// A number.
    Number,
    /// true or false.
    Boolean,
}

/// How requests prove who sends them. All values are shapes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum AuthFile {
    /// Not at all, or in the address or body.
    #[default]
    None,
    /// A header.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A parameter of the query.
    Query {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        #[serde(default)]
        password: String,
    },
    /// `Authorization: Bearer`
    Bearer {
        /// The token.
        token: String,
    },
    /// An access token that is got with a refresh token, or with client credentials when there is none.
    Oauth2 {
        /// Where tokens are got.
        token_url: String,
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: String,
        /// The refresh token.
        #[serde(default)]
        refresh_token: Option<String>,
        /// What is asked for.
        #[serde(default)]
        scope: Option<String>,
    },
    /// HMAC-SHA256 in hex over the exact bytes of the body; not sent while the secret is missing.
    Hmac {
        /// The header.
        header: String,
        /// The secret.
        secret: String,
    },
}

/// How much at once.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    /// Requests at the same time.
    #[serde(default)]
    pub concurrency: Option<u32>,
    /// Requests a second.
    #[serde(default)]
    pub per_second: Option<u32>,
    /// An expression: what shares these limits.
    #[serde(default)]
    pub account: Option<String>,
    /// Seconds that a request may take.
    #[serde(default)]
    pub timeout_s: Option<u32>,
}

/// One action.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActionFile {
    /// What people call it.
    #[serde(default)]
    pub title: Option<String>,
    /// An expression: which events, where a preset says nothing else.
    #[serde(default)]
    pub trigger: Option<String>,
    /// What it is made of, by name.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldFile>,
    /// What must be there beside the fields that are required.
    #[serde(default)]
    pub require: RequireFile,
    /// What drops an event before it is sent.
    #[serde(default)]
    pub guards: Vec<GuardFile>,
    /// A shape: one item, a list of items, or nothing.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub item: Option<Value>,
    /// The request.
    #[serde(default)]
    pub request: Option<RequestFile>,
    /// Further requests for the same events, each with its condition.
    #[serde(default)]
    pub also: Vec<RequestFile>,
    /// Requests one after the other, instead of `request`, for one event.
    #[serde(default)]
    pub steps: Vec<StepFile>,
    /// How many events share a request; one when it is missing.
    #[serde(default)]
    pub batch: Option<BatchFile>,
    /// What answers mean, where the general table is wrong. The first that holds counts.
    #[serde(default)]
    pub answers: Vec<AnswerFile>,
    /// The field of an item that carries the messageId, so that the vendor drops what comes twice.
    #[serde(default)]
    pub dedupe: Option<String>,
    /// The vendor's own test mode.
    #[serde(default)]
    pub validate: Option<ValidateFile>,
}

/// One field.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldFile {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// A list of these; one value becomes a list.
    #[serde(default)]
    pub multiple: bool,
    /// Whether null is a value.
    #[serde(default)]
    pub nullable: bool,
    /// Whether an event without it is dropped.
    #[serde(default)]
    pub required: bool,
    /// Its mapping, in mapping-kit.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub default: Option<Value>,
    /// What a text is like.
    #[serde(default)]
    pub format: Option<Format>,
    /// The most characters.
    #[serde(default)]
    pub max_length: Option<usize>,
    /// What a text can be.
    #[serde(rename = "enum", default)]
    pub one_of: Vec<String>,
    /// What becomes of a value that is none: the event is dropped, or the field.
    #[serde(default)]
    pub invalid: Invalid,
    /// What people call it.
    #[serde(default)]
    pub label: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub help: Option<String>,
}

/// A field's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// A text.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// true or false.
    Boolean,
    /// An instant: ISO 8601, or a number since 1970.
    Datetime,
    /// An object.
    Object,
}

/// What a text is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// An e-mail address.
    Email,
    /// An address with a scheme.
    Uri,
}

/// What becomes of a value that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Invalid {
    /// The event is dropped.
    #[default]
    Drop,
    /// The field is left out.
    Omit,
}

/// What must be there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequireFile {
    /// At least one of these fields.
    #[serde(default)]
    pub any: Vec<String>,
}

/// What drops an event before it is sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardFile {
    /// An expression.
    pub drop_if: String,
    /// Why, in one word.
    pub reason: String,
}

/// One request.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestFile {
    /// An expression: whether it is sent.
    #[serde(rename = "if", default)]
    pub condition: Option<String>,
    /// The method: POST otherwise. A shape.
    #[serde(default = "post")]
    pub method: String,
    /// The address. A shape.
    pub url: String,
    /// Parameters of the query: an object of shapes.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub query: BTreeMap<String, Value>,
    /// Headers: a shape of an object.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub headers: Option<Value>,
    /// How the body is written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Whether the body is compressed.
    #[serde(default)]
    pub gzip: bool,
    /// The body. A shape.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub body: Option<Value>,
}

fn post() -> String {
    "POST".to_owned()
}

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// JSON.
    #[default]
    Json,
    /// `a=1&b=2`; objects and lists as JSON text.
    Form,
    /// A list, one JSON text a line.
    Ndjson,
    /// The text.
    Text,
}

/// One of several requests.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// Its name.
    pub id: String,
    /// The request; without `if`.
    pub request: RequestFile,
    /// Expressions over the answer: `$steps.NAME` of later steps.
    #[serde(default)]
    pub take: BTreeMap<String, String>,
    /// What follows, where an answer is not what the general table says. The first that holds counts.
    #[serde(default)]
    pub on: Vec<OnFile>,
}

/// What follows an answer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnFile {
    /// An expression.
    #[serde(rename = "if")]
    pub condition: String,
    /// `next`, `delivered`, `reject`, `retry`, or the id of a later step.
    pub then: String,
}

/// How many events share a request.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchFile {
    /// The most events.
    #[serde(default)]
    pub max_events: Option<usize>,
    /// The most items.
    #[serde(default)]
    pub max_items: Option<usize>,
    /// The most bytes of items.
    #[serde(default)]
    pub max_bytes: Option<usize>,
    /// Expressions over `$fields` that must be equal within a request.
    #[serde(default)]
    pub key: Vec<String>,
    /// The request of more than one event, where it differs.
    #[serde(default)]
    pub request: Option<RequestFile>,
}

/// What an answer means. One of `then`, `reject_items`, `split` and `pause_s`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerFile {
    /// An expression.
    #[serde(rename = "if")]
    pub condition: String,
    /// The outcome of all events.
    #[serde(default)]
    pub then: Option<Then>,
    /// The places of items that are rejected for good: an expression, or a shape.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub reject_items: Option<Value>,
    /// The outcome of the others: delivered otherwise.
    #[serde(default)]
    pub rest: Option<Then>,
    /// Whether the batch is sent again in halves.
    #[serde(default)]
    pub split: bool,
    /// An expression: seconds that the destination wants to be left alone. The outcome is the general table's.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub pause_s: Option<Value>,
    /// An expression: why, as the vendor says it.
    #[serde(default)]
    pub reason: Option<String>,
}

/// An outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// It is there.
    Delivered,
    /// It is tried again.
    Retry,
    /// It is not taken, ever.
    Reject,
}

/// The vendor's own test mode.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateFile {
    /// The address instead of the request's. A shape.
    pub url: String,
    /// What it tells.
    #[serde(default)]
    pub note: Option<String>,
}

/// What a new connection does.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PresetFile {
    /// What people call it.
    pub name: String,
    /// The action.
    pub action: String,
    /// An expression: which events, where not the action's.
    #[serde(default)]
    pub trigger: Option<String>,
    /// Mappings, in mapping-kit, instead of the fields' defaults.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub fields: BTreeMap<String, Value>,
    /// Whether a new connection has it.
    #[serde(default)]
    pub automatic: bool,
}
