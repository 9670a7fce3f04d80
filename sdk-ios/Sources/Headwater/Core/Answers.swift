internal import HeadwaterBinding

/// Events that will never be delivered, and why.
public struct DropReport: Sendable, Hashable {
    /// `invalid`, `quota_bytes`, `quota_events`, `too_old`, `rejected`, `refused`, `retry_limit`, `consent_denied`,
    /// `consent_withdrawn`, `plugin`, `plugin_failed`, `storage_failed`, `corrupt`, `destination_failed`, `destination_overflow`, `purged`
    /// or `not_kept`.
    public let reason: String
    /// How many.
    public let count: Int
    /// The event's, where it was a single one.
    public let messageId: String?
    /// The hub's answer, where there was one.
    public let status: Int?
    /// The destination, where one failed.
    public let destination: String?
    /// In words, without anything from the event itself.
    public let detail: String

    init(_ report: HeadwaterBinding.DropReport) {
        reason = report.reason
        count = Int(report.count)
        messageId = report.messageId
        status = report.status.map(Int.init)
        destination = report.destination
        detail = report.detail
    }
}

/// Something worth knowing that costs no event.
public struct Diagnostic: Sendable, Hashable {
    /// `batch_delivered`, `upload_failed`, `settings_failed` or another word.
    public let kind: String
    /// `batch_delivered`: its events.
    public let events: Int?
    /// `upload_failed`: the hub's status; absent when no answer came.
    public let status: Int?
    /// `upload_failed`: seconds until the next try.
    public let retryIn: Double?
    /// In words.
    public let detail: String

    init(_ diagnostic: HeadwaterBinding.Diagnostic) {
        kind = diagnostic.kind
        events = diagnostic.events.map(Int.init)
        status = diagnostic.status.map(Int.init)
        retryIn = diagnostic.retryInMs.map { Double($0) / 1000 }
        detail = diagnostic.detail
    }
}

/// What a flush did. Counts are of the events queued before it was asked for.
public struct FlushReport: Sendable, Hashable {
    /// The hub has them.
    public let delivered: Int
    /// Reported with a reason.
    public let dropped: Int
    /// Still queued: they are safe and will be tried again.
    public let pending: Int
    /// Why something is pending, in words.
    public let waitingFor: String?

    /// Where there is nothing that could be sent.
    static let nothing = FlushReport(
        HeadwaterBinding.FlushReport(delivered: 0, dropped: 0, pending: 0, waitingFor: nil, retryInMs: nil))

    init(_ report: HeadwaterBinding.FlushReport) {
        delivered = Int(report.delivered)
        dropped = Int(report.dropped)
        pending = Int(report.pending)
        waitingFor = report.waitingFor
    }
}

/// Why a call was refused or the storage could not be used. Told to ``Configuration/errorHandler(_:)``.
public enum AnalyticsError: Error, Sendable, Hashable {
    /// The configuration cannot work; nothing is sent.
    case configuration(String)
    /// Another process has the folder open: events are kept in memory only.
    case directoryInUse(String)
    /// The disk failed; when it did at the start, events are kept in memory only.
    case storage(String)
    /// Kept, but not known to be on the disk.
    case notSynced(String)
    /// The call cannot be an event.
    case invalid(String)
    /// The event is over 32 KB.
    case tooLarge(String)
    /// After ``Analytics/shutdown(timeout:)``.
    case closed(String)
    /// A plugin's call led to another of its calls, over and over.
    case recursion
    /// A plugin threw this.
    case plugin(String)

    init(_ error: HeadwaterError) {
        switch error {
        case .Configuration(let message): self = .configuration(message)
        case .DirectoryInUse(let message): self = .directoryInUse(message)
        case .Storage(let message): self = .storage(message)
        case .NotSynced(let message): self = .notSynced(message)
        case .Invalid(let message): self = .invalid(message)
        case .TooLarge(let message): self = .tooLarge(message)
        case .Closed(let message): self = .closed(message)
        }
    }
}
