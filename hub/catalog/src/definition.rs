//! A definition, checked and compiled.

use std::collections::BTreeMap;

use headwater_govern::expression::Formula;
use headwater_govern::mapping::{Mode, Shape};
use headwater_model::json::{Object, Value};

use crate::fields::Field;
use crate::file::{
    ActionFile, AnswerFile, AuthFile, DefinitionFile, Encoding, RequestFile, StepFile, Then,
};

/// The most steps of an action.
pub const MAX_STEPS: usize = 5;

/// The largest definition, in bytes.
pub const MAX_FILE: usize = 256 * 1024;

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {}{problem}", line.map(|line| format!(":{line}")).unwrap_or_default(), if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct DefinitionError {
    /// The file.
    pub file: String,
    /// The line in it, from 1, where it is known.
    pub line: Option<u64>,
    /// The path in it.
    pub path: String,
    /// What is wrong, and what to write.
    pub problem: String,
}

/// A destination that can make requests.
#[derive(Clone, Debug)]
pub struct Definition {
    /// What its file says.
    pub file: DefinitionFile,
    pub(crate) tables: Value,
    pub(crate) auth: Auth,
    pub(crate) headers: Vec<(String, Shape)>,
    pub(crate) actions: BTreeMap<String, Action>,
    pub(crate) presets: Vec<Preset>,
}

#[derive(Clone, Debug)]
pub(crate) enum Auth {
    None,
    Header(String, Shape),
    Query(String, Shape),
    Basic(Shape, Shape),
    Bearer(Shape),
    /// Whoever sends fetches the token.
    Token(Box<Token>),
    Hmac(String, Shape),
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) url: Shape,
    pub(crate) client_id: Shape,
    pub(crate) client_secret: Shape,
    pub(crate) refresh_token: Option<Shape>,
    pub(crate) scope: Option<Shape>,
}

#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) file: ActionFile,
    pub(crate) trigger: Option<Formula>,
    pub(crate) fields: Vec<Field>,
    pub(crate) guards: Vec<(Formula, String)>,
    pub(crate) item: Option<Shape>,
    pub(crate) requests: Vec<Request>,
    pub(crate) batch_request: Option<Request>,
    pub(crate) key: Vec<Formula>,
    pub(crate) steps: Vec<Step>,
    pub(crate) answers: Vec<Answer>,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) condition: Option<Formula>,
    pub(crate) method: Shape,
    pub(crate) url: Shape,
    pub(crate) query: Vec<(String, Shape)>,
    pub(crate) headers: Option<Shape>,
    pub(crate) encoding: Encoding,
    pub(crate) gzip: bool,
    pub(crate) body: Option<Shape>,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) request: Request,
    pub(crate) take: Vec<(String, Formula)>,
    pub(crate) on: Vec<(Formula, Follow)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    Step(usize),
    Done(Then),
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) condition: Formula,
    pub(crate) does: Does,
    pub(crate) rest: Then,
    pub(crate) reason: Option<Formula>,
}

#[derive(Clone, Debug)]
pub(crate) enum Does {
    Then(Then),
    RejectItems(Shape),
    Split,
    Pause(Shape),
}

#[derive(Clone, Debug)]
pub(crate) struct Preset {
    pub(crate) name: String,
    pub(crate) action: String,
    pub(crate) trigger: Formula,
    pub(crate) fields: BTreeMap<String, Shape>,
    pub(crate) automatic: bool,
}

/// Reads a definition.
///
/// # Errors
/// The first mistake, with file, line or path, and reason.
pub fn read(file: &str, text: &str) -> Result<Definition, DefinitionError> {
    let wrong = |line, problem: String| DefinitionError {
        file: file.to_owned(),
        line,
        path: String::new(),
        problem,
    };
    if text.len() > MAX_FILE {
        return Err(wrong(None, format!("is larger than {MAX_FILE} bytes")));
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
    };
    let parsed: DefinitionFile =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            wrong(
                error.location().map(|location| location.line()),
                error.without_snippet().to_string(),
            )
        })?;
    compile(parsed).map_err(|(path, problem)| DefinitionError {
        path,
        ..wrong(None, problem)
    })
}

type Compiled<T> = Result<T, (String, String)>;

fn shape(path: &str, value: &Value, mode: Mode) -> Compiled<Shape> {
    Shape::compile(value, mode).map_err(|error| {
        let inner = if error.path.is_empty() {
            String::new()
        } else {
            format!(".{}", error.path)
        };
        (format!("{path}{inner}"), error.problem)
    })
}

fn text(path: &str, text: &str) -> Compiled<Shape> {
    shape(path, &Value::from(text), Mode::Shape)
}

fn formula(path: &str, text: &str) -> Compiled<Formula> {
    Formula::parse(text, &[]).map_err(|error| {
        (
            path.to_owned(),
            format!(
                "at character {} of `{text}`: {}",
                error.position, error.problem
            ),
        )
    })
}

fn shapes(path: &str, map: &BTreeMap<String, Value>) -> Compiled<Vec<(String, Shape)>> {
    map.iter()
        .map(|(name, value)| {
            Ok((
                name.clone(),
                shape(&format!("{path}.{name}"), value, Mode::Shape)?,
            ))
        })
        .collect()
}

fn compile(file: DefinitionFile) -> Compiled<Definition> {
    if file.id.is_empty()
        || !file
            .id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    {
        return Err((
            "id".to_owned(),
            "has small letters, digits and - alone".to_owned(),
        ));
    }
    for (name, setting) in &file.settings {
        if setting.secret && setting.public {
            return Err((
                format!("settings.{name}"),
                "is secret or public, not both".to_owned(),
            ));
        }
    }
    let mut actions = BTreeMap::new();
    for (name, action) in &file.actions {
        actions.insert(
            name.clone(),
            compile_action(&format!("actions.{name}"), action)?,
        );
    }
    let mut presets = Vec::with_capacity(file.presets.len());
    for (index, preset) in file.presets.iter().enumerate() {
        let path = format!("presets.{index}");
        let Some(action) = actions.get(&preset.action) else {
            return Err((
                format!("{path}.action"),
                format!("there is no action {}", preset.action),
            ));
        };
        let mut fields = BTreeMap::new();
        for (name, mapping) in &preset.fields {
            let path = format!("{path}.fields.{name}");
            if !action.fields.iter().any(|field| field.name == *name) {
                return Err((
                    path,
                    format!("the action {} has no such field", preset.action),
                ));
            }
            fields.insert(name.clone(), shape(&path, mapping, Mode::Kit)?);
        }
        presets.push(Preset {
            name: preset.name.clone(),
            action: preset.action.clone(),
            trigger: match (&preset.trigger, &action.trigger) {
                (Some(trigger), _) => formula(&format!("{path}.trigger"), trigger)?,
                (None, Some(trigger)) => trigger.clone(),
                (None, None) => {
                    return Err((path, "it or its action has a trigger".to_owned()));
                }
            },
            fields,
            automatic: preset.automatic,
        });
    }
    let tables: Object = file
        .tables
        .iter()
        .map(|(name, table)| {
            (
                name.clone(),
                table
                    .iter()
                    .map(|(from, to)| (from.clone(), to.as_str()))
                    .collect::<Object>(),
            )
        })
        .collect();
    let auth = match &file.auth {
        AuthFile::None => Auth::None,
        AuthFile::Header { name, value } => Auth::Header(name.clone(), text("auth.value", value)?),
        AuthFile::Query { name, value } => Auth::Query(name.clone(), text("auth.value", value)?),
        AuthFile::Basic { user, password } => {
            Auth::Basic(text("auth.user", user)?, text("auth.password", password)?)
        }
        AuthFile::Bearer { token } => Auth::Bearer(text("auth.token", token)?),
        AuthFile::Oauth2 {
            token_url,
            client_id,
            client_secret,
            refresh_token,
            scope,
        } => {
            let optional = |path: &str, value: &Option<String>| {
                value.as_ref().map(|value| text(path, value)).transpose()
            };
            Auth::Token(Box::new(Token {
                url: text("auth.token_url", token_url)?,
                client_id: text("auth.client_id", client_id)?,
                client_secret: text("auth.client_secret", client_secret)?,
                refresh_token: optional("auth.refresh_token", refresh_token)?,
                scope: optional("auth.scope", scope)?,
            }))
        }
        AuthFile::Hmac { header, secret } => {
            Auth::Hmac(header.clone(), text("auth.secret", secret)?)
        }
    };
    Ok(Definition {
        tables: Value::Object(tables),
        auth,
        headers: shapes("headers", &file.headers)?,
        actions,
        presets,
        file,
    })
}

fn compile_action(path: &str, file: &ActionFile) -> Compiled<Action> {
    let mut fields = Vec::with_capacity(file.fields.len());
    for (name, field) in &file.fields {
        let default = match &field.default {
            Some(default) => Some(shape(
                &format!("{path}.fields.{name}.default"),
                default,
                Mode::Kit,
            )?),
            None => None,
        };
        fields.push(Field {
            name: name.clone(),
            file: field.clone(),
            default,
        });
    }
    for name in &file.require.any {
        if !file.fields.contains_key(name) {
            return Err((
                format!("{path}.require.any"),
                format!("there is no field {name}"),
            ));
        }
    }
    let optional = |key: &str, value: Option<&Value>| {
        value
            .map(|value| shape(&format!("{path}.{key}"), value, Mode::Shape))
            .transpose()
    };
    let batch = file.batch.as_ref();
    let mut requests = Vec::new();
    for (key, request) in file
        .request
        .iter()
        .map(|request| ("request".to_owned(), request))
        .chain(
            file.also
                .iter()
                .enumerate()
                .map(|(index, request)| (format!("also.{index}"), request)),
        )
    {
        requests.push(compile_request(&format!("{path}.{key}"), request)?);
    }
    if requests.is_empty() == file.steps.is_empty() {
        return Err((path.to_owned(), "it has `request` or `steps`".to_owned()));
    }
    let mut answers = Vec::with_capacity(file.answers.len());
    for (index, answer) in file.answers.iter().enumerate() {
        answers.push(compile_answer(&format!("{path}.answers.{index}"), answer)?);
    }
    Ok(Action {
        trigger: file
            .trigger
            .as_ref()
            .map(|trigger| formula(&format!("{path}.trigger"), trigger))
            .transpose()?,
        fields,
        guards: file
            .guards
            .iter()
            .enumerate()
            .map(|(index, guard)| {
                Ok((
                    formula(&format!("{path}.guards.{index}.drop_if"), &guard.drop_if)?,
                    guard.reason.clone(),
                ))
            })
            .collect::<Compiled<_>>()?,
        item: optional("item", file.item.as_ref())?,
        batch_request: batch
            .and_then(|batch| batch.request.as_ref())
            .map(|request| compile_request(&format!("{path}.batch.request"), request))
            .transpose()?,
        key: batch
            .iter()
            .flat_map(|batch| batch.key.iter().enumerate())
            .map(|(index, key)| formula(&format!("{path}.batch.key.{index}"), key))
            .collect::<Compiled<_>>()?,
        requests,
        steps: compile_steps(path, &file.steps)?,
        answers,
        file: file.clone(),
    })
}

fn compile_request(path: &str, file: &RequestFile) -> Compiled<Request> {
    Ok(Request {
        condition: file
            .condition
            .as_ref()
            .map(|condition| formula(&format!("{path}.if"), condition))
            .transpose()?,
        method: text(&format!("{path}.method"), &file.method)?,
        url: text(&format!("{path}.url"), &file.url)?,
        query: shapes(&format!("{path}.query"), &file.query)?,
        headers: file
            .headers
            .as_ref()
            .map(|headers| shape(&format!("{path}.headers"), headers, Mode::Shape))
            .transpose()?,
        encoding: file.encoding,
        gzip: file.gzip,
        body: file
            .body
            .as_ref()
            .map(|body| shape(&format!("{path}.body"), body, Mode::Shape))
            .transpose()?,
    })
}

fn compile_steps(path: &str, files: &[StepFile]) -> Compiled<Vec<Step>> {
    if files.len() > MAX_STEPS {
        return Err((
            format!("{path}.steps"),
            format!("an action has at most {MAX_STEPS} steps"),
        ));
    }
    let mut steps = Vec::with_capacity(files.len());
    for (index, file) in files.iter().enumerate() {
        let path = format!("{path}.steps.{index}");
        let take = file
            .take
            .iter()
            .map(|(name, text)| Ok((name.clone(), formula(&format!("{path}.take.{name}"), text)?)))
            .collect::<Compiled<_>>()?;
        let mut on = Vec::with_capacity(file.on.len());
        for (at, case) in file.on.iter().enumerate() {
            let follow = match case.then.as_str() {
                "next" => Follow::Step(index + 1),
                "delivered" => Follow::Done(Then::Delivered),
                "reject" => Follow::Done(Then::Reject),
                "retry" => Follow::Done(Then::Retry),
                id => match files.iter().position(|step| step.id == id) {
                    Some(later) if later > index => Follow::Step(later),
                    Some(_) => {
                        return Err((
                            format!("{path}.on.{at}.then"),
                            "goes to a later step alone: steps have no loops".to_owned(),
                        ));
                    }
                    None => {
                        return Err((
                            format!("{path}.on.{at}.then"),
                            format!(
                                "there is no step {id}; there are next, delivered, reject and retry, too"
                            ),
                        ));
                    }
                },
            };
            on.push((
                formula(&format!("{path}.on.{at}.if"), &case.condition)?,
                follow,
            ));
        }
        steps.push(Step {
            request: compile_request(&format!("{path}.request"), &file.request)?,
            take,
            on,
        });
    }
    Ok(steps)
}

fn compile_answer(path: &str, file: &AnswerFile) -> Compiled<Answer> {
    let given = [
        file.then.is_some(),
        file.reject_items.is_some(),
        file.split,
        file.pause_s.is_some(),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        return Err((
            path.to_owned(),
            "it has one of `then`, `reject_items`, `split` and `pause_s`".to_owned(),
        ));
    }
    let value = |key: &str, value: &Value| match value {
        Value::String(text) => Ok(Shape::of_formula(formula(&format!("{path}.{key}"), text)?)),
        other => shape(&format!("{path}.{key}"), other, Mode::Shape),
    };
    let does = match (file.then, &file.reject_items, &file.pause_s) {
        (Some(then), ..) => Does::Then(then),
        (None, Some(items), _) => Does::RejectItems(value("reject_items", items)?),
        (None, None, Some(pause)) => Does::Pause(value("pause_s", pause)?),
        (None, None, None) => Does::Split,
    };
    Ok(Answer {
        condition: formula(&format!("{path}.if"), &file.condition)?,
        does,
        rest: file.rest.unwrap_or(Then::Delivered),
        reason: file
            .reason
            .as_ref()
            .map(|reason| formula(&format!("{path}.reason"), reason))
            .transpose()?,
    })
}
