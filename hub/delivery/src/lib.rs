#![doc = include_str!("../README.md")]

pub mod machine;
pub mod range;
pub mod run;
pub mod sinks;
pub mod state;
