import Foundation

/// A reason to send what waits.
public protocol FlushPolicy: AnyObject, Sendable {
    /// It was added. Default: nothing.
    func configure(analytics: Analytics)
    /// Asked after each event. Default: false.
    func shouldFlush() -> Bool
    /// An event was queued. Default: nothing.
    func updateState(event: any RawEvent)
    /// Sending begins. Default: nothing.
    func reset()
}

extension FlushPolicy {
    /// Nothing.
    public func configure(analytics: Analytics) {}
    /// False.
    public func shouldFlush() -> Bool { false }
    /// Nothing.
    public func updateState(event: any RawEvent) {}
    /// Nothing.
    public func reset() {}
}

/// Once so many events wait. The engine counts: what waits, not what was called.
public final class CountBasedFlushPolicy: FlushPolicy {
    /// Events, 1 at least.
    public let count: Int

    /// - Parameter count: Events; 20 when it is not given.
    public init(count: Int = 20) { self.count = count }
}

/// So long after the first event that waits. The engine keeps the time.
public final class IntervalBasedFlushPolicy: FlushPolicy {
    /// Seconds.
    public let interval: TimeInterval

    /// - Parameter interval: Seconds; 30 when it is not given.
    public init(interval: TimeInterval = 30) { self.interval = interval }
}
