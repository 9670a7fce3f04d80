import Foundation

/// Which of the app's own events are tracked.
public struct TrackedLifecycleEvent: OptionSet, Sendable {
    /// One bit for each event.
    public let rawValue: Int
    /// From the bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The first start of the app.
    public static let applicationInstalled = TrackedLifecycleEvent(rawValue: 1 << 0)
    /// The first start of another version or build.
    public static let applicationUpdated = TrackedLifecycleEvent(rawValue: 1 << 1)
    /// Each start, and each return to the front.
    public static let applicationOpened = TrackedLifecycleEvent(rawValue: 1 << 2)
    /// The app went out of sight.
    public static let applicationBackgrounded = TrackedLifecycleEvent(rawValue: 1 << 3)
    /// The app came to the front again.
    public static let applicationForegrounded = TrackedLifecycleEvent(rawValue: 1 << 4)
    /// The app is shown again; macOS only, as the next two.
    public static let applicationUnhidden = TrackedLifecycleEvent(rawValue: 1 << 5)
    /// The app was hidden.
    public static let applicationHidden = TrackedLifecycleEvent(rawValue: 1 << 6)
    /// The app is about to end.
    public static let applicationTerminated = TrackedLifecycleEvent(rawValue: 1 << 7)

    /// No event.
    public static let none: TrackedLifecycleEvent = []
    /// Every event.
    public static let all: TrackedLifecycleEvent = [
        .applicationInstalled, .applicationUpdated, .applicationOpened, .applicationBackgrounded,
        .applicationForegrounded, .applicationUnhidden, .applicationHidden, .applicationTerminated,
    ]
}

/// Where events wait.
public enum StorageMode: Sendable {
    /// In the app's own folder.
    case disk
    /// In this folder.
    case diskAtURL(URL)
    /// In the folder of an app group; one process at a time has it open.
    case appGroup(String)
    /// In memory only, at most so many.
    case memory(Int)

    /// Not to be had: the queue's order, limits and recovery depend on how its files are written. A place of your own is
    /// ``diskAtURL(_:)``.
    @available(*, unavailable, message: "Headwater writes its own files: use .diskAtURL, .appGroup or .memory.")
    public static func custom(_ store: Any) -> StorageMode { .disk }
}

/// Whether `flush` waits. A call itself is done, and on the disk, when it returns, in both.
public enum OperatingMode: Sendable {
    /// `flush` returns at once: for apps.
    case asynchronous
    /// `flush` returns when what waited has arrived or something is in the way: for command lines, servers and tests. Not
    /// for the main thread of an app.
    case synchronous

    /// As older analytics-swift named it.
    @available(*, deprecated, renamed: "asynchronous")
    public static var client: OperatingMode { .asynchronous }
    /// As older analytics-swift named it.
    @available(*, deprecated, renamed: "synchronous")
    public static var server: OperatingMode { .synchronous }
}

/// How safe an event is when a call returns.
public enum Durability: Sendable {
    /// It survives the app's end and crash; a power cut takes at most the last 250 ms.
    case buffered
    /// It is on the disk: each call waits for it.
    case sync
}

/// Consent, where the app asks for it.
public struct ConsentConfiguration: Sendable {
    /// What holds before a decision.
    public enum Model: Sendable {
        /// Nothing leaves before a category is granted.
        case optIn
        /// Everything counts as granted until it is denied.
        case optOut
    }

    /// Where events wait for a decision, under opt-in.
    public enum Hold: Sendable {
        /// Events wait on the disk for the decision.
        case persist
        /// In memory only, at most 1,000: nothing is written about a user who has not agreed.
        case memory
    }

    /// What holds before a decision.
    public var model: Model
    /// The categories that the user is asked about.
    public var categories: [String]
    /// Where events wait for a decision.
    public var hold: Hold

    /// Events wait on the disk where nothing else is said.
    public init(model: Model, categories: [String], hold: Hold = .persist) {
        self.model = model
        self.categories = categories
        self.hold = hold
    }
}

/// When to try again; `nil` keeps the default.
public struct RetryPolicy: Sendable {
    /// The first wait, seconds: 0.5 (0.1 to 60).
    public var base: TimeInterval?
    /// The longest wait, seconds: 60.
    public var longest: TimeInterval?
    /// Tries after the first before a batch is dropped and reported; by default the storage's limits decide.
    public var maxRetries: Int?
    /// The same for tries that the server timed by `Retry-After`.
    public var maxRateLimited: Int?
    /// Seconds after the first failure before a batch is dropped and reported.
    public var maxTotal: TimeInterval?

    /// What is not given keeps its default.
    public init(
        base: TimeInterval? = nil, longest: TimeInterval? = nil, maxRetries: Int? = nil, maxRateLimited: Int? = nil,
        maxTotal: TimeInterval? = nil
    ) {
        self.base = base
        self.longest = longest
        self.maxRetries = maxRetries
        self.maxRateLimited = maxRateLimited
        self.maxTotal = maxTotal
    }
}

/// Makes the device's id, where a UUID does not do: at the first start, after a reset, and when another user is named.
public protocol AnonymousIdGenerator: Sendable {
    /// A new id: 1 to 500 bytes, without control characters.
    func newAnonymousId() -> String
}
