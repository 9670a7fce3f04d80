import Foundation
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
        work(analytics, tellsPlugins: true)
    }

    /// The app is in front of the user again.
    func returned(_ analytics: Analytics) {
        state.with { $0.out = false }
        analytics.hub.beQuiet(false)
    }

    /// An event was queued, which took the folder's lock again.
    func queued(_ analytics: Analytics) {
        if isOut { work(analytics) }
    }

    /// Plugins hear of the first flush only: one that answers with an event would never let the app rest.
    private func work(_ analytics: Analytics, tellsPlugins: Bool = false) {
        let begins = state.with { state in
            if state.working { state.again = true }
            defer { state.working = true }
            return !state.working
        }
        guard begins else { return }
        let hub = analytics.hub
        hub.beQuiet(false)
        let over = Once()
        let expired = Guarded(false)
        let end = Once()
        end.then { [self, weak analytics] in
            if isOut {
                hub.beQuiet(true)
                hub.release()
            }
            let again = state.with { state in
                defer { (state.working, state.again) = (false, false) }
                return state.again && state.out && !expired.with { $0 }
            }
            if again, let analytics { work(analytics) }
            over.run()
        }
        let done = time.begin {
            expired.with { $0 = true }
            // It may be told on the main thread, and this waits.
            DispatchQueue.global(qos: .userInitiated).async { end.run() }
        }
        over.then(done)
        analytics.startFlush(tellsPlugins: tellsPlugins) { _ in end.run() }
    }
}

/// Something to be done once, by whoever comes first; at once when it was asked for before it was known.
private final class Once: Sendable {
    private struct State {
        var act: (@Sendable () -> Void)?
        var due = false
        var done = false
    }
    private let state = Guarded(State())

    func then(_ act: @escaping @Sendable () -> Void) {
        state.with { $0.act = act }
        runIfDue()
    }

    func run() {
        state.with { $0.due = true }
        runIfDue()
    }

    private func runIfDue() {
        let act = state.with { state -> (@Sendable () -> Void)? in
            guard state.due, !state.done, let act = state.act else { return nil }
            (state.done, state.act) = (true, nil)
            return act
        }
        act?()
    }
}

/// How the system is asked for time out of sight.
struct BackgroundTime: Sendable {
    /// Asks; `expired` is called, on any thread, shortly before the time is up. Answers what to call when all is done.
    let begin: @Sendable (_ expired: @escaping @Sendable () -> Void) -> @Sendable () -> Void

    /// Where nobody needs to be asked.
    static let unlimited = BackgroundTime { _ in {} }
}
