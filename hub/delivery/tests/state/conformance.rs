//! What every backend of [`DeliveryState`] must do.

use headwater_collector::log::{LogId, Place, Position};

use headwater_delivery::state::{
    Counts, Dead, DeliveryState, Delta, Ended, Known, MAX_REASON, Resumed, Retry, Saved, resume,
};

const LOG: LogId = LogId([7; 16]);

fn at(position: u64, index: u32) -> Place {
    Place {
        shard: 0,
        position: Position(position),
        index,
    }
}

fn retry(place: Place, due: i64) -> Retry {
    Retry {
        place,
        due,
        attempts: 2,
        first: 5,
        reason: "503".to_owned(),
    }
}

/// Runs all of it. `open` opens the same state again, as after a crash.
pub(crate) fn conformance<S: DeliveryState>(mut open: impl FnMut() -> S) {
    let load = |state: &mut S, connection: &str, log| {
        let saved = state.load(connection, log);
        assert!(saved.is_ok(), "{saved:?}");
        saved.ok().flatten()
    };
    let mut state = open();
    assert_eq!(
        load(&mut state, "c", LOG),
        None,
        "nothing is saved at first"
    );

    let mut delta = Delta {
        cursor: Some(at(100, 3)),
        ..Delta::default()
    };
    delta.retry.insert(at(40, 0), Some(retry(at(40, 0), 9)));
    delta.retry.insert(at(40, 1), Some(retry(at(40, 1), 8)));
    delta.counts.count("delivered", "", 5);
    delta.dead.push(Dead {
        place: at(12, 0),
        attempts: 1,
        first: 1,
        last: 2,
        reason: "400".to_owned(),
        status: Some(400),
    });
    delta.versions = vec![(at(12, 0), "v1".to_owned()), (at(90, 1), "v2".to_owned())];
    delta.ended.push(Ended {
        place: at(50, 0),
        outcome: "dropped".to_owned(),
        reason: "filter".to_owned(),
    });
    assert!(state.commit("c", LOG, &delta).is_ok());
    drop(state);
    let mut state = open();
    let known = |state: &mut S, place| state.known("c", LOG, place).ok();
    let decided = |version: &str| Some(Known::Decided(Some(version.to_owned())));
    assert!(matches!(known(&mut state, at(12, 0)), Some(Known::Dead(_))));
    assert!(matches!(
        known(&mut state, at(50, 0)),
        Some(Known::Ended(_))
    ));
    assert!(matches!(
        known(&mut state, at(40, 1)),
        Some(Known::Retrying(_))
    ));
    assert_eq!(known(&mut state, at(4, 0)), Some(Known::Decided(None)));
    assert_eq!(known(&mut state, at(90, 0)), decided("v1"));
    assert_eq!(known(&mut state, at(90, 1)), decided("v2"));
    assert_eq!(known(&mut state, at(100, 2)), decided("v2"));
    assert_eq!(known(&mut state, at(100, 3)), Some(Known::Waiting));
    let saved = Saved {
        cursor: at(100, 3),
        retry: vec![retry(at(40, 0), 9), retry(at(40, 1), 8)],
        version: Some("v2".to_owned()),
    };
    assert_eq!(
        load(&mut state, "c", LOG),
        Some(saved.clone()),
        "what was committed is there again"
    );
    assert_eq!(
        load(&mut state, "d", LOG),
        None,
        "connections have nothing in common"
    );
    assert_eq!(
        load(&mut state, "c", LogId([8; 16])),
        None,
        "progress on another log does not count"
    );

    let mut delta = Delta::default();
    delta.retry.insert(at(40, 0), None);
    delta.retry.insert(at(40, 1), Some(retry(at(40, 1), 20)));
    delta.counts.count("delivered", "", 2);
    delta.counts.count("dropped", "filter", 1);
    assert!(state.commit("c", LOG, &delta).is_ok());
    assert_eq!(
        load(&mut state, "c", LOG),
        Some(Saved {
            cursor: at(100, 3),
            retry: vec![retry(at(40, 1), 20)],
            version: Some("v2".to_owned()),
        }),
        "a change without a cursor leaves it where it is"
    );
    let mut counts = Counts::default();
    counts.count("delivered", "", 7);
    counts.count("dropped", "filter", 1);
    assert_eq!(state.counts("c").ok(), Some(counts), "counts add up");
    let restored = LogId([9; 16]);
    let adopted = Saved {
        cursor: at(60, 0),
        retry: vec![retry(at(40, 1), 20)],
        version: Some("v1".to_owned()),
    };
    assert_eq!(
        state.adopt("c", restored, at(60, 0)).ok().flatten(),
        Some(adopted.clone()),
        "another log's progress is taken over up to the log's end"
    );
    drop(state);
    let mut state = open();
    assert_eq!(load(&mut state, "c", restored), Some(adopted));
    assert_eq!(
        load(&mut state, "c", LOG),
        None,
        "and no longer stands under the old id"
    );
    assert_eq!(state.adopt("d", restored, at(60, 0)).ok(), Some(None));
    let dead = state.dead("c", 10).unwrap_or_default();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead.first().map(|dead| dead.status), Some(Some(400)));
    let known = |state: &mut S, place| state.known("c", restored, place).ok();
    assert!(matches!(known(&mut state, at(12, 0)), Some(Known::Dead(_))));
    assert!(matches!(
        known(&mut state, at(50, 0)),
        Some(Known::Ended(_))
    ));

    // The log is shorter than what was decided of it: other events will lie beyond its end.
    let end = at(45, 0);
    let resumed = resume(&mut state, "c", restored, end);
    let Ok((saved, Resumed::Shortened)) = resumed else {
        panic!("{resumed:?}");
    };
    assert_eq!((saved.cursor, saved.retry.len()), (end, 1));
    drop(state);
    let mut state = open();
    assert_eq!(load(&mut state, "c", restored), Some(saved.clone()));
    let mut delta = Delta {
        cursor: Some(at(70, 0)),
        ..Delta::default()
    };
    delta.counts.count("delivered", "", 1);
    assert!(state.commit("c", restored, &delta).is_ok());
    let known = |state: &mut S, place| state.known("c", restored, place).ok();
    assert!(matches!(
        known(&mut state, at(50, 0)),
        Some(Known::Decided(_))
    ));
    let resumed = resume(&mut state, "c", restored, at(80, 0));
    assert!(matches!(resumed, Ok((_, Resumed::Known))), "{resumed:?}");
    let resumed = resume(&mut state, "new", restored, at(80, 0));
    assert!(matches!(resumed, Ok((_, Resumed::New))), "{resumed:?}");
    assert_eq!(
        load(&mut state, "new", restored).map(|saved| saved.cursor),
        Some(at(80, 0)),
        "a connection that is new begins at the end, durably"
    );
}

/// What a state that keeps 3 letters of a second, and 4 of the ended, gives up. `open` opens an empty one, again and again.
pub(crate) fn bounds<S: DeliveryState>(mut open: impl FnMut() -> S) {
    let mut state = open();
    let dead = |position: u64, last: i64| Dead {
        place: at(position, 0),
        attempts: 1,
        first: 1,
        last,
        reason: "4".repeat(3 * MAX_REASON / 2),
        status: Some(400),
    };
    for position in 1..=5 {
        let mut delta = Delta {
            cursor: Some(at(position + 1, 0)),
            dead: vec![dead(position, 10 - i64::try_from(position).unwrap_or(0))],
            ..Delta::default()
        };
        delta.counts.count("dead", "400", 1);
        assert!(state.commit("c", LOG, &delta).is_ok());
    }
    drop(state);
    let mut state = open();
    let letters = state.dead("c", 10).unwrap_or_default();
    let places: Vec<u64> = letters.iter().map(|dead| dead.place.position.0).collect();
    assert_eq!(places, [1, 2, 3], "the newest are kept");
    assert!(letters.iter().all(|dead| dead.reason.len() <= MAX_REASON));
    let counts = state.counts("c").unwrap_or_default();
    assert_eq!(counts.of("dead"), 5);
    assert_eq!(counts.of("dead_expired"), 2, "what goes is counted");
    let known = |state: &mut S, position| state.known("c", LOG, at(position, 0)).ok();
    let Some(Known::Ended(ended)) = known(&mut state, 5) else {
        panic!("its place stays");
    };
    assert_eq!(ended.outcome, "dead");
    assert_eq!(
        state.expire(1_008).ok(),
        Some(1),
        "one is older than a second"
    );
    assert_eq!(state.expire(1_008).ok(), Some(0));
    assert_eq!(state.expire(9_000).ok(), Some(2));
    assert!(state.dead("c", 10).unwrap_or_default().is_empty());
    let counts = state.counts("c").unwrap_or_default();
    assert_eq!((counts.of("dead"), counts.of("dead_expired")), (5, 5));
    assert_eq!(
        known(&mut state, 1),
        Some(Known::Decided(None)),
        "of places, too, the newest are kept"
    );
    assert!(matches!(known(&mut state, 2), Some(Known::Ended(_))));
}
