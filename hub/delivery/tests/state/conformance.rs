//! What every backend of [`DeliveryState`] must do.

use headwater_collector::log::{LogId, Place, Position};

use headwater_delivery::state::{Counts, Dead, DeliveryState, Delta, Retry, Saved};

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
    assert!(state.commit("c", LOG, &delta).is_ok());
    drop(state);
    let mut state = open();
    let saved = Saved {
        cursor: at(100, 3),
        retry: vec![retry(at(40, 0), 9), retry(at(40, 1), 8)],
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
}
