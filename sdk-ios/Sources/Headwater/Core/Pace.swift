import Foundation

/// When to send: the app's policies, and the two that the engine knows by itself.
struct Pace: Sendable {
    /// Where the configuration names policies, the app decides: the engine's count and time remain a backstop.
    private static let backstop = (count: 500, interval: 300.0)
    private static let usual = (count: 20, interval: 30.0)

    private(set) var policies: [any FlushPolicy]
    private var chosenCount: Int?
    private var chosenInterval: TimeInterval?
    private let replaced: Bool

    init(_ values: Configuration.Values) {
        replaced = !values.flushPolicies.isEmpty
        policies = values.flushPolicies
        chosenCount = values.flushAt
        chosenInterval = values.flushInterval
    }

    /// Events that wait. A policy that was given counts before the setting.
    var count: Int {
        get {
            let policy = policies.lazy.compactMap { ($0 as? CountBasedFlushPolicy)?.count }.first
            return max(1, policy ?? chosenCount ?? (replaced ? Self.backstop.count : Self.usual.count))
        }
        set {
            policies.removeAll { $0 is CountBasedFlushPolicy }
            chosenCount = newValue
        }
    }

    /// Seconds after the first event that waits.
    var interval: TimeInterval {
        get {
            let policy = policies.lazy.compactMap { ($0 as? IntervalBasedFlushPolicy)?.interval }.first
            return policy ?? chosenInterval ?? (replaced ? Self.backstop.interval : Self.usual.interval)
        }
        set {
            policies.removeAll { $0 is IntervalBasedFlushPolicy }
            chosenInterval = newValue
        }
    }

    mutating func add(_ policy: any FlushPolicy) { policies.append(policy) }

    mutating func remove(_ policy: any FlushPolicy) { policies.removeAll { $0 === policy } }
}
