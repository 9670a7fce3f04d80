//! Ids that do not change.
//!
//! A thing of a file has the id `prefix_` + base62(SipHash-2-4 of workspace, kind and file name), so that the same folder
//! gives the same ids everywhere. `id:` in the file overrides it, so that a file can be renamed. What is stored (records,
//! cursors, rows) names things by id.

use std::fmt;
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

/// What an id is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A source.
    Source,
    /// A tracking plan.
    Plan,
    /// A destination.
    Destination,
    /// A connection.
    Connection,
    /// A warehouse.
    Warehouse,
    /// A computed trait.
    Trait,
    /// The workspace.
    Workspace,
}

impl Kind {
    /// What ids of this kind begin with.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Kind::Source => "src",
            Kind::Plan => "tp",
            Kind::Destination => "dst",
            Kind::Connection => "con",
            Kind::Warehouse => "wh",
            Kind::Trait => "trt",
            Kind::Workspace => "ws",
        }
    }

    /// The folder that such things lie in.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Kind::Source => "sources",
            Kind::Plan => "plans",
            Kind::Destination => "destinations",
            Kind::Connection => "connections",
            Kind::Warehouse => "warehouses",
            Kind::Trait => "traits",
            Kind::Workspace => "",
        }
    }
}

/// The id of a thing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

/// The longest id, in bytes.
const MAX: usize = 64;

impl Id {
    /// The id of the thing named `slug` in `workspace`.
    #[must_use]
    pub fn derived(workspace: &str, kind: Kind, slug: &str) -> Id {
        let mut hasher = SipHasher24::new();
        for part in [workspace, kind.prefix(), slug] {
            hasher.write(part.as_bytes());
            // Parts cannot run into each other.
            hasher.write_u8(0xff);
        }
        let digits = base62(hasher.finish128().as_u128());
        Id(format!("{}_{digits}", kind.prefix()))
    }

    /// An id that a file gives.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn given(text: &str) -> Result<Id, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if text.is_empty() || text.len() > MAX || !text.chars().all(fits) {
            return Err(format!("an id has 1 to {MAX} letters, digits, `_` and `-`"));
        }
        Ok(Id(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 22 digits, always.
fn base62(mut value: u128) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut out = [b'0'; 22];
    for digit in out.iter_mut().rev() {
        if let Some(byte) = DIGITS.get((value % 62) as usize) {
            *digit = *byte;
        }
        value /= 62;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_workspace_kind_and_name_alone() {
        let id = Id::derived("Shop", Kind::Source, "web");
        assert_eq!(id, Id::derived("Shop", Kind::Source, "web"));
        assert_eq!(id.as_str().len(), "src_".len() + 22);
        for other in [
            Id::derived("Shop", Kind::Plan, "web"),
            Id::derived("Shop", Kind::Source, "web2"),
            Id::derived("Shopw", Kind::Source, "eb"),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn the_ids_of_today_stay_those_of_tomorrow() {
        assert_eq!(
            Id::derived("Shop", Kind::Source, "web").as_str(),
            "src_0ioDzJhiVMUiFwh0F3cmZO"
        );
    }
}
