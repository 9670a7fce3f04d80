//! `${env:NAME}` and `${file:PATH}`: values that do not stand in the files.

use std::fs;
use std::io::Read;
use std::path::Path;

/// The longest value of a file, in bytes: keys and tokens are short.
const MAX_VALUE: u64 = 64 << 10;

/// The value that a text means. Only a text that is one reference as a whole is one.
///
/// # Errors
/// What is missing; never the value.
pub(crate) fn resolve(
    text: &str,
    folder: &Path,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let Some(inside) = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return Ok(text.to_owned());
    };
    match inside.split_once(':') {
        Some(("env", name)) => {
            variables(name).ok_or_else(|| format!("the environment variable {name} is not set"))
        }
        Some(("file", path)) => {
            let file = folder.join(path);
            let mut value = String::new();
            fs::File::open(&file)
                .and_then(|open| open.take(MAX_VALUE + 1).read_to_string(&mut value))
                .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
            if value.len() as u64 > MAX_VALUE {
                return Err(format!(
                    "{} is larger than {MAX_VALUE} bytes",
                    file.display()
                ));
            }
            Ok(value.trim_end_matches(['\r', '\n']).to_owned())
        }
        _ => Err("a reference is `${env:NAME}` or `${file:PATH}`".to_owned()),
    }
}
