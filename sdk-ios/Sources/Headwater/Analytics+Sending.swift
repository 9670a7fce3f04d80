import Foundation
internal import HeadwaterBinding

extension Analytics {
    // MARK: Sending

    /// Sends what waits; `completion` hears when it arrived or something is in the way, on
    /// ``Configuration/flushQueue(_:)`` (else on a thread of its own). With ``OperatingMode/synchronous`` this returns
    /// only then.
    public func flush(completion: (@Sendable () -> Void)? = nil) {
        guard let completion else { return begin(nil) }
        begin { _ in completion() }
    }

    /// As ``flush(completion:)``; hears what became of it.
    public func flush(report: @escaping @Sendable (FlushReport) -> Void) {
        begin(report)
    }

    /// Sends what waits, and answers what became of it.
    @discardableResult
    public func flush() async -> FlushReport {
        await withCheckedContinuation { continuation in
            startFlush { continuation.resume(returning: $0) }
        }
    }

    private func begin(_ report: (@Sendable (FlushReport) -> Void)?) {
        let done = operatingMode == .synchronous ? DispatchSemaphore(value: 0) : nil
        let queue = values.flushQueue
        if done == nil, report == nil { return startFlush(nil) }
        startFlush { answer in
            if let report {
                if let queue { queue.async { report(answer) } } else { report(answer) }
            }
            done?.signal()
        }
        done?.wait()
    }

    /// Begins to send; never waits.
    func startFlush(tellsPlugins: Bool = true, _ report: (@Sendable (FlushReport) -> Void)?) {
        pace.with { $0.policies }.forEach { $0.reset() }
        for plugin in timeline.all where tellsPlugins && !(plugin is any DestinationPlugin) {
            (plugin as? any EventPlugin)?.flush()
        }
        guard let client = hub.client else {
            report?(FlushReport.nothing)
            return
        }
        client.flush(callback: report.map(Flushed.init))
    }

    // MARK: When to send

    /// Sends once so many events wait, 1 at least; what is set here counts from the next event on, and for all
    /// `Analytics` of this write key. A ``CountBasedFlushPolicy`` in force is replaced.
    public var flushAt: Int {
        get { pace.with { $0.count } }
        set { changePace { $0.count = newValue } }
    }

    /// Sends so long after the first event that waits, seconds. An ``IntervalBasedFlushPolicy`` in force is replaced.
    public var flushInterval: TimeInterval {
        get { pace.with { $0.interval } }
        set { changePace { $0.interval = newValue } }
    }

    /// Adds a reason to send. The first ``CountBasedFlushPolicy`` and ``IntervalBasedFlushPolicy`` set what
    /// ``flushAt`` and ``flushInterval`` are.
    public func add(flushPolicy: any FlushPolicy) {
        flushPolicy.configure(analytics: self)
        changePace { $0.add(flushPolicy) }
    }

    /// Takes a reason away; without one that counts or waits, the settings of the configuration are in force again.
    public func remove(flushPolicy: any FlushPolicy) { changePace { $0.remove(flushPolicy) } }

    /// The reasons that were given, in their order. The SDK's own count and interval are not among them.
    public var flushPolicies: [any FlushPolicy] { pace.with { $0.policies } }

    private func changePace(_ change: (inout Pace) -> Void) {
        let pace = pace.with { pace in
            change(&pace)
            return pace
        }
        hub.setPace(pace)
    }

    // MARK: What waits

    /// How many events wait.
    public var pendingEvents: Int { Int(clamping: hub.client?.queue().events ?? 0) + pipeline.waiting }

    /// Whether events wait.
    public var hasUnsentEvents: Bool { pendingEvents > 0 }

    /// Throws away all that waits; a report says how many.
    public func purgeStorage() {
        pipeline.purge(self)
        hub.client?.purge()
    }
}

private final class Flushed: FlushCallback {
    private let then: @Sendable (FlushReport) -> Void

    init(then: @escaping @Sendable (FlushReport) -> Void) { self.then = then }

    func onFlushed(report: HeadwaterBinding.FlushReport) throws { then(FlushReport(report)) }
}
