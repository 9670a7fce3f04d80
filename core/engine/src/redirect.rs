//! Redirects. One is no delivery: whatever answers with it has not taken the batch.
//!
//! | answer | what happens |
//! |---|---|
//! | 307, 308 with a Location of the same origin | the batch goes there, once |
//! | any other 3xx, or a second one | told, and tried again like a 5xx |
//!
//! The host (and its HTTP client) follows nothing by itself: it reports status and Location. Browsers hide the Location, so
//! a page follows none.

/// A Location beyond this is nobody's address; servers cap a header at 8 KiB.
#[cfg(feature = "native")]
const MAX_LOCATION: usize = 2_048;
/// How much of an address is told: enough to see which, and not a page of a log.
pub(crate) const SHOWN: usize = 200;

/// Where a batch goes next that was sent to `url` and answered with a redirect, if anywhere. Scheme, host and port are
/// always those of `url`, its user and password with them.
#[cfg(feature = "native")]
#[must_use]
pub fn follows(url: &str, status: u16, location: &str) -> Option<String> {
    let visible = |byte: u8| (b'!'..=b'~').contains(&byte) && byte != b'\\';
    if !matches!(status, 307 | 308)
        || location.is_empty()
        || location.len() > MAX_LOCATION
        || !location.bytes().all(visible)
    {
        return None;
    }
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split('?').next().unwrap_or_default();
    // Whether it says a host, and what comes behind that.
    let absolute = match location.split_once("://") {
        Some((said, rest)) if said.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Some((said, rest))
        }
        _ => location.strip_prefix("//").map(|rest| (scheme, rest)),
    };
    let target = match absolute {
        Some((said, rest)) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (host, path) = rest.split_at(end);
            if !said.eq_ignore_ascii_case(scheme) || !same_host(scheme, authority, host) {
                return None;
            }
            path.to_owned()
        }
        None if location.starts_with('/') => location.to_owned(),
        None if location.starts_with('?') => [path, location].concat(),
        // Another scheme, such as `mailto:`.
        None if location.split(['/', '?']).next()?.contains(':') => return None,
        None => {
            let folder = path
                .rfind('/')
                .map_or("/", |at| path.get(..=at).unwrap_or("/"));
            [folder, location].concat()
        }
    };
    Some([scheme, "://", authority, &target].concat())
}

/// Whether both name one host and port; a user counts on neither side.
#[cfg(feature = "native")]
fn same_host(scheme: &str, one: &str, other: &str) -> bool {
    let usual = if scheme == "http" { ":80" } else { ":443" };
    let bare = |authority: &str| {
        let host = authority.rsplit('@').next().unwrap_or_default();
        host.strip_suffix(usual)
            .unwrap_or(host)
            .to_ascii_lowercase()
    };
    bare(one) == bare(other)
}
