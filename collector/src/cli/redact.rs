//! `headwater redact`: deletes a user's events in the folder of a collector that does not run.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use headwater_store::disk::RealDisk;

use super::{Failure, serve};
use crate::app::system_now;
use crate::config::StorageConfig;
use crate::log::{Committer, Rewriting};

/// Arguments of `headwater redact`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For a collector that is stopped. One that runs is asked by HTTP, with the admin token:

  curl -H 'authorization: Bearer TOKEN' -d '{\"userId\":\"u-1\"}' http://HOST/admin/v1/redactions

Events whose userId, or previousId, is the one given are taken out of the log: their bytes are overwritten with blanks, and
their places and messageIds stay taken. What was delivered, loaded into warehouses or backed up is not reached.

Examples:
  headwater redact --data /var/lib/headwater --user u-1")]
pub struct Redact {
    /// The data folder.
    #[arg(long, short, value_name = "DIR", default_value = ".headwater")]
    data: PathBuf,
    /// The userId, exactly as it was sent.
    #[arg(long, short, value_name = "ID")]
    user: String,
}

impl Redact {
    pub(super) fn run(self) -> Result<(), Failure> {
        if !self.data.join("log").is_dir() {
            return Err(Failure::Usage(format!(
                "{} holds no events; give the collector's folder with --data",
                self.data.display()
            )));
        }
        if self.user.is_empty() {
            return Err(Failure::Usage("--user is empty; give a userId".to_owned()));
        }
        let options = serve::options(&StorageConfig {
            dir: self.data,
            ..StorageConfig::default()
        });
        let (mut log, _) = Committer::open(Arc::new(RealDisk), options, system_now())?;
        let failed = |error: crate::log::CommitError| Failure::Io(std::io::Error::other(error));
        let redaction = log
            .redact(system_now(), &self.user, Rewriting::AtOnce)
            .map_err(failed)?;
        let mut segments = 0;
        while let Some(job) = log.rewrite_job(system_now()).map_err(failed)? {
            segments += u64::from(log.adopt_rewritten(job.run())?);
        }
        writeln!(
            std::io::stdout(),
            "deleted what lies before position {}; {segments} segments were rewritten",
            redaction.before
        )?;
        Ok(())
    }
}
