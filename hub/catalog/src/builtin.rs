//! The definitions that are in the binary.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::definition::{Definition, DefinitionError, read};

/// One definition's texts.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its id.
    pub id: &'static str,
    /// The definition.
    pub text: &'static str,
    /// Its golden rows.
    pub golden: &'static str,
}

macro_rules! definitions {
    ($($id:literal)*) => {
        /// All of them, by id.
        pub const BUILTIN: &[Builtin] = &[$(Builtin {
            id: $id,
            text: include_str!(concat!("../definitions/", $id, ".yaml")),
            golden: include_str!(concat!("../definitions/", $id, ".golden.yaml")),
        },)*];
    };
}

definitions! { "braze" "google-ads" "google-analytics-4" "hubspot" "klaviyo" "webhook" }

/// The definition of this id, compiled when it is first asked for; `None` when there is none.
///
/// # Errors
/// [`DefinitionError`], which the tests of this crate rule out.
pub fn builtin(id: &str) -> Result<Option<Arc<Definition>>, DefinitionError> {
    static COMPILED: Mutex<BTreeMap<&str, Arc<Definition>>> = Mutex::new(BTreeMap::new());
    let Some(found) = BUILTIN.iter().find(|known| known.id == id) else {
        return Ok(None);
    };
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = compiled.get(found.id) {
        return Ok(Some(Arc::clone(known)));
    }
    let definition = Arc::new(read(&format!("{id}.yaml"), found.text)?);
    compiled.insert(found.id, Arc::clone(&definition));
    Ok(Some(definition))
}
