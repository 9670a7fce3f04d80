//! Changes, in a transaction: what a connection has decided, and what is given up.

use headwater_collector::log::LogId;
use rusqlite::{Transaction, params};

use crate::state::{Delta, Keep, StateError, bounded};

pub(super) fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Writes a change in a transaction.
pub(super) fn write(
    tx: &Transaction<'_>,
    connection: &str,
    log: LogId,
    delta: &Delta,
) -> Result<(), StateError> {
    let log = log.to_string();
    // Also without a cursor, so that a log that was begun is known.
    {
        let at = delta.cursor.unwrap_or_default();
        tx.prepare_cached(
            "INSERT INTO connections VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
             shard = excluded.shard, position = excluded.position, item = excluded.item WHERE ?",
        )?
        .execute(params![
            connection,
            log,
            at.shard,
            sql(at.position.0),
            at.index,
            delta.cursor.is_some()
        ])?;
        let mut put =
            tx.prepare_cached("INSERT OR REPLACE INTO retry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
        let mut remove = tx.prepare_cached(
            "DELETE FROM retry WHERE connection = ? AND log = ? AND shard = ? AND position = ? AND item = ?",
        )?;
        for (place, entry) in &delta.retry {
            let position = sql(place.position.0);
            match entry {
                Some(entry) => put.execute(params![
                    connection,
                    log,
                    place.shard,
                    position,
                    place.index,
                    entry.due,
                    entry.attempts,
                    entry.first,
                    entry.reason
                ])?,
                None => {
                    remove.execute(params![connection, log, place.shard, position, place.index])?
                }
            };
        }
        let mut bury =
            tx.prepare_cached("INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
        for dead in &delta.dead {
            bury.execute(params![
                connection,
                log,
                dead.place.shard,
                sql(dead.place.position.0),
                dead.place.index,
                dead.attempts,
                dead.first,
                dead.last,
                bounded(&dead.reason),
                dead.status
            ])?;
        }
        let mut end =
            tx.prepare_cached("INSERT OR REPLACE INTO ended VALUES (?, ?, ?, ?, ?, ?, ?)")?;
        for ended in &delta.ended {
            end.execute(params![
                connection,
                log,
                ended.place.shard,
                sql(ended.place.position.0),
                ended.place.index,
                ended.outcome,
                bounded(&ended.reason)
            ])?;
        }
        let mut begin =
            tx.prepare_cached("INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?)")?;
        for (place, version) in &delta.versions {
            begin.execute(params![
                connection,
                log,
                place.shard,
                sql(place.position.0),
                place.index,
                version
            ])?;
        }
        let mut count = tx.prepare_cached(
            "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET events = events + excluded.events",
        )?;
        for ((outcome, reason), events) in &delta.counts.0 {
            count.execute(params![connection, outcome, reason, sql(*events)])?;
        }
    }
    Ok(())
}

/// Gives up dead letters that `which` selects by their row: they are counted, and their places stay.
pub(super) fn give_up(
    tx: &Transaction<'_>,
    which: &str,
    with: &[&dyn rusqlite::ToSql],
) -> Result<u64, StateError> {
    let chosen = format!(
        "FROM dead WHERE (connection, log, shard, position, item) IN
         (SELECT connection, log, shard, position, item FROM dead WHERE {which})"
    );
    tx.execute(
        &format!(
            "INSERT INTO counts SELECT connection, 'dead_expired', reason, count(*) {chosen} GROUP BY connection, reason
             ON CONFLICT DO UPDATE SET events = events + excluded.events"
        ),
        with,
    )?;
    tx.execute(
        &format!(
            "INSERT OR REPLACE INTO ended SELECT connection, log, shard, position, item, 'dead', reason {chosen}"
        ),
        with,
    )?;
    let gone = tx.execute(&format!("DELETE {chosen}"), with)?;
    Ok(gone as u64)
}

/// Keeps the newest of what ended badly.
pub(super) fn trim(tx: &Transaction<'_>, connection: &str, keep: Keep) -> Result<(), StateError> {
    let count = |table: &str| -> rusqlite::Result<i64> {
        let sql = format!("SELECT count(*) FROM {table} WHERE connection = ?");
        tx.prepare_cached(&sql)?
            .query_row([connection], |row| row.get(0))
    };
    let over = count("dead")?.saturating_sub(sql(keep.letters as u64));
    if over > 0 {
        give_up(
            tx,
            "connection = ? ORDER BY last_try, log, shard, position, item LIMIT ?",
            &[&connection, &over],
        )?;
    }
    let over = count("ended")?.saturating_sub(sql(keep.ended as u64));
    if over > 0 {
        tx.execute(
            "DELETE FROM ended WHERE (connection, log, shard, position, item) IN
             (SELECT connection, log, shard, position, item FROM ended WHERE connection = ?
              ORDER BY log, shard, position, item LIMIT ?)",
            params![connection, over],
        )?;
    }
    Ok(())
}
