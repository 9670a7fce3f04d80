//! One answer from one thread to another, waited for on a thread or as a future, on any executor or none.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

#[derive(Debug)]
struct State<T> {
    answer: Option<T>,
    /// There was an answer, or there will be none.
    over: bool,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Slot<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Slot<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, answer: Option<T>) {
        let mut state = self.state();
        if state.over {
            return;
        }
        state.over = true;
        state.answer = answer;
        let waker = state.waker.take();
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The side that answers. Dropped unanswered, the other side gets `None`.
#[derive(Debug)]
pub(crate) struct Answer<T>(Arc<Slot<T>>);

/// The side that waits.
#[derive(Debug)]
pub(crate) struct Awaited<T>(Arc<Slot<T>>);

pub(crate) fn answer<T>() -> (Answer<T>, Awaited<T>) {
    let slot = Arc::new(Slot {
        state: Mutex::new(State {
            answer: None,
            over: false,
            waker: None,
        }),
        changed: Condvar::new(),
    });
    (Answer(Arc::clone(&slot)), Awaited(slot))
}

impl<T> Answer<T> {
    /// Nobody may be waiting any more; that is their choice.
    pub(crate) fn send(self, answer: T) {
        self.0.end(Some(answer));
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        self.0.end(None);
    }
}

impl<T> Awaited<T> {
    /// Waits on this thread.
    pub(crate) fn wait(self) -> Option<T> {
        let mut state = self.0.state();
        while !state.over {
            state = self
                .0
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.answer.take()
    }

    /// Waits on this thread, at most until then.
    pub(crate) fn wait_until(self, limit: Instant) -> Option<T> {
        let mut state = self.0.state();
        while !state.over {
            let left = limit.checked_duration_since(Instant::now())?;
            let (woken, _) = self
                .0
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
            state = woken;
        }
        state.answer.take()
    }
}

impl<T> Future for Awaited<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.state();
        if state.over {
            return Poll::Ready(state.answer.take());
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Puts one thread to sleep and wakes it; a call that comes first is not missed.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    called: Mutex<bool>,
    changed: Condvar,
}

impl Wake {
    pub(crate) fn call(&self) {
        *self.called.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Sleeps until called, or until then; whether it was called.
    pub(crate) fn sleep(&self, until: Option<Instant>) -> bool {
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if core::mem::take(&mut *called) {
                return true;
            }
            called = match until {
                None => self
                    .changed
                    .wait(called)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let Some(left) = until
                        .checked_duration_since(Instant::now())
                        .filter(|left| !left.is_zero())
                    else {
                        return false;
                    };
                    let woken = self.changed.wait_timeout(called, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
