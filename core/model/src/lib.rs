//! The event spec: events, ids, time, context and the one JSON value all code uses
