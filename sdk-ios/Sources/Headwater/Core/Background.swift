internal import HeadwaterBinding

/// The app out of sight, where the system may stop it between two instructions and ends it when it then holds a lock in a
/// folder that it shares: what waits is sent in the time that the system grants, and then the folder is let go of.
///
/// Invariant: out of sight, the folder is held only while a ``BackgroundTime`` is running.
final class Background: Sendable {
    private struct State {
        var out = false
        var working = false
        /// A call came while one was working.
        var again = false
    }
    private let state = Guarded(State())
    private let time: BackgroundTime

    init(_ time: BackgroundTime) { self.time = time }

    var isOut: Bool { state.with { $0.out } }

    /// The app went out of sight.
    func left(_ analytics: Analytics) {
        state.with { $0.out = true }
        work(analytics)
    }

    /// The app is in front of the user again.
    func returned() { state.with { $0.out = false } }

    /// An event was queued, which took the folder's lock again.
    func queued(_ analytics: Analytics) {
        if isOut { work(analytics) }
    }

    private func work(_ analytics: Analytics) {
        let begins = state.with { state in
            if state.working { state.again = true }
            defer { state.working = true }
            return !state.working
        }
        guard begins else { return }
        let hub = analytics.hub
        let ended = Guarded(false)
        let over = Guarded<(@Sendable () -> Void)?>(nil)
        let end: @Sendable (_ expired: Bool) -> Void = { [self, weak analytics] expired in
            let first = ended.with { ended in
                defer { ended = true }
                return !ended
            }
            guard first else { return }
            if isOut { hub.release() }
            let again = state.with { state in
                defer { (state.working, state.again) = (false, false) }
                return state.again && state.out && !expired
            }
            if again, let analytics { work(analytics) }
            over.with { $0 }?()
        }
        let done = time.begin { end(true) }
        over.with { $0 = done }
        if ended.with({ $0 }) { done() }
        analytics.startFlush { _ in end(false) }
    }
}

/// How the system is asked for time out of sight.
struct BackgroundTime: Sendable {
    /// Asks; `expired` is called, on any thread, shortly before the time is up. Answers what to call when all is done.
    let begin: @Sendable (_ expired: @escaping @Sendable () -> Void) -> @Sendable () -> Void

    /// Where nobody needs to be asked.
    static let unlimited = BackgroundTime { _ in {} }
}
