import Foundation

/// A reason to send what waits.
public protocol FlushPolicy: AnyObject, Sendable {
    func configure(analytics: Analytics)
    /// Asked after each event.
    func shouldFlush() -> Bool
    /// An event was queued.
    func updateState(event: any RawEvent)
    /// Sending begins.
    func reset()
}

extension FlushPolicy {
    public func configure(analytics: Analytics) {}
    public func shouldFlush() -> Bool { false }
    public func updateState(event: any RawEvent) {}
    public func reset() {}
}

/// Once so many events wait. The engine counts: what waits, not what was called.
public final class CountBasedFlushPolicy: FlushPolicy {
    public let count: Int
    public init(count: Int = 20) { self.count = count }
}

/// So long after the first event that waits, seconds. The engine keeps the time.
public final class IntervalBasedFlushPolicy: FlushPolicy {
    public let interval: TimeInterval
    public init(interval: TimeInterval = 30) { self.interval = interval }
}
