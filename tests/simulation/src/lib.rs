//! Deterministic simulation: whole lives of a client and a collector, in virtual time, from one seed each.
//!
//! What is real: the engine, the segment log, the collector's decode–claim–append path and its reader. What is modelled:
//! the disks under both ([`headwater_store::disk::FaultyDisk`]), the network between them, the clocks, the application.
//! A life rolls dice for what happens, heals everything at its end, waits until the machine comes to rest, and is then
//! judged from outside (`verdict`): what the application was promised against what the collector's log holds.

mod accounts;
mod application;
mod consent;
mod destinations;
mod device;
mod dice;
mod guard;
mod hub;
mod life;
mod network;
mod pace;
mod settings;
mod setup;
mod site;
mod table;
mod totals;
mod verdict;

pub use life::Life;
pub use site::Site;
pub use totals::Totals;
