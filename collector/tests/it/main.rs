//! The collector through its public faces: the process, its HTTP routes, its files, and the log as a library.

mod durable;
mod faults;
mod hostile;
mod http;
mod normalise;
mod process;
mod routes;
