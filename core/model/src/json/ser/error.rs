use std::fmt;

use thiserror::Error;

/// Why a value has no JSON text; `path` is where, like `items[3].price`, empty for the value itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SerializeError {
    /// The value is no object.
    #[error("expected an object, got {got}; give a struct or a map")]
    NotAnObject {
        /// What it is instead.
        got: &'static str,
    },
    /// NaN or an infinity.
    #[error("`{path}` is NaN or infinite, which JSON cannot express; leave it out or use null")]
    NotFinite {
        /// Where it stands.
        path: String,
    },
    /// A map key that has no text.
    #[error("a key of `{path}` is {got}; use strings, numbers or booleans as keys")]
    Key {
        /// The map.
        path: String,
        /// What the key is instead.
        got: &'static str,
    },
    /// More nesting than [`Limits::PAYLOAD_DEPTH`](crate::json::Limits::PAYLOAD_DEPTH).
    #[error("`{path}` is nested too deeply; use at most {max} levels")]
    TooDeep {
        /// The first level that is too deep.
        path: String,
        /// The limit in levels.
        max: usize,
    },
    /// The value's own `Serialize` failed, or handed over text that is not JSON.
    #[error("`{path}` cannot be serialized: {message}")]
    Custom {
        /// Where.
        path: String,
        /// What it reports.
        message: String,
    },
}

/// The error while it travels up; each level puts its own step before the path, so that success costs nothing.
pub(super) struct Failure(Box<SerializeError>);

impl Failure {
    pub(super) fn not_finite() -> Self {
        Self(Box::new(SerializeError::NotFinite {
            path: String::new(),
        }))
    }

    pub(super) fn key(got: &'static str) -> Self {
        Self(Box::new(SerializeError::Key {
            path: String::new(),
            got,
        }))
    }

    pub(super) fn too_deep(max: usize) -> Self {
        Self(Box::new(SerializeError::TooDeep {
            path: String::new(),
            max,
        }))
    }

    pub(super) fn text(message: &str) -> Self {
        Self(Box::new(SerializeError::Custom {
            path: String::new(),
            message: message.to_owned(),
        }))
    }

    pub(super) fn into_public(self) -> SerializeError {
        *self.0
    }

    #[cold]
    pub(super) fn under_key(mut self, key: &str) -> Self {
        if let Some(path) = self.path() {
            if !path.is_empty() && !path.starts_with('[') {
                path.insert(0, '.');
            }
            path.insert_str(0, key);
        }
        self
    }

    #[cold]
    pub(super) fn under_index(mut self, index: usize) -> Self {
        if let Some(path) = self.path() {
            if !path.is_empty() && !path.starts_with('[') {
                path.insert(0, '.');
            }
            path.insert_str(0, &format!("[{index}]"));
        }
        self
    }

    fn path(&mut self) -> Option<&mut String> {
        match &mut *self.0 {
            SerializeError::NotAnObject { .. } => None,
            SerializeError::NotFinite { path }
            | SerializeError::Key { path, .. }
            | SerializeError::TooDeep { path, .. }
            | SerializeError::Custom { path, .. } => Some(path),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Failure {}

impl serde::ser::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::text(&message.to_string())
    }
}
