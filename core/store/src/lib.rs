//! The queue's storage: the EventStore port, memory, the segment log, and sled behind a feature
