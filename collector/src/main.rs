//! `headwater`: see `headwater --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    headwater_collector::cli::run()
}
