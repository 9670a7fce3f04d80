import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What an ``Analytics`` is told once. Every setting has a default but the write key.
///
/// ```swift
/// let analytics = Analytics(configuration: Configuration(writeKey: "…").flushAt(10))
/// ```
public struct Configuration: Sendable {
    struct Values: Sendable {
        var writeKey: String
        var apiHost: String?
        var cdnHost: String?
        var lifecycle = TrackedLifecycleEvent.all
        var flushPolicies: [any FlushPolicy] = []
        var flushAt: Int?
        var flushInterval: TimeInterval?
        var flushBytes: Int?
        var maxBatchEvents: Int?
        var gzip: Bool?
        var basicAuth: Bool?
        var headers: [String: String] = [:]
        var requestTimeout: TimeInterval?
        var retry = RetryPolicy()
        var maxEvents: Int?
        var maxBytes: Int?
        var maxAge: TimeInterval?
        var defaultSettings: Settings?
        var settings = true
        var followApiHost: Bool?
        var autoAddSegmentDestination = true
        var requestFactory: (@Sendable (URLRequest) -> URLRequest)?
        var errorHandler: (@Sendable (any Error) -> Void)?
        var reportHandler: (@Sendable (DropReport) -> Void)?
        var diagnosticHandler: (@Sendable (Diagnostic) -> Void)?
        var numbers = NonConformingNumberStrategy.zero
        var storageMode = StorageMode.disk
        var durability = Durability.buffered
        var anonymousIdGenerator: (any AnonymousIdGenerator)?
        var session: (@Sendable () -> URLSession)?
        var proxy: [String: any Sendable] = [:]
        var challenge: ChallengeHandler?
        var consent: ConsentConfiguration?
        var sessionTimeout: TimeInterval?
        var userAgent: String?
        var automaticContext = true
        var migrates = true
        var operatingMode = OperatingMode.asynchronous
        var flushQueue: DispatchQueue?
        var backgroundTime = BackgroundTime.system
    }

    var values: Values

    /// The source, and everything else by default.
    public init(writeKey: String) {
        values = Values(writeKey: writeKey)
    }

    private func with(_ change: (inout Values) -> Void) -> Configuration {
        var copy = self
        change(&copy.values)
        return copy
    }

    /// Where events go: host and path, with or without a scheme (https is meant, on the loopback http). They are posted to
    /// `/b` under it; a host without a path means its `/v1`. Segment's own API is `api.segment.io/v1`.
    ///
    /// There is no default. Without it the settings document of ``cdnHost(_:)`` says where; without both, events wait in the
    /// queue.
    public func apiHost(_ host: String) -> Configuration { with { $0.apiHost = host } }

    /// Where the settings document is: a prefix as that of ``apiHost(_:)``, to which `/projects/{writeKey}/settings` is added.
    /// Default that of ``apiHost(_:)``; without both nothing is fetched. Segment's own is `cdn-settings.segment.com/v1`.
    ///
    /// Without an ``apiHost(_:)`` the document names the host (`integrations["Segment.io"].apiHost`), and events wait for it;
    /// where it cannot be had, or names none, they go to `/v1` of this host.
    public func cdnHost(_ host: String) -> Configuration { with { $0.cdnHost = host } }

    /// Which of the app's own events are tracked. Default all.
    public func trackedApplicationLifecycleEvents(_ events: TrackedLifecycleEvent) -> Configuration {
        with { $0.lifecycle = events }
    }

    /// Whether the app's own events are tracked. Default true.
    public func trackApplicationLifecycleEvents(_ enabled: Bool) -> Configuration {
        with { $0.lifecycle = enabled ? .all : .none }
    }

    /// Sends once so many events wait. Default 20.
    public func flushAt(_ count: Int) -> Configuration { with { $0.flushAt = count } }

    /// Sends so long after the first event that waits, seconds. Default 30.
    public func flushInterval(_ interval: TimeInterval) -> Configuration { with { $0.flushInterval = interval } }

    /// Sends once so many bytes wait. Default 250,000.
    public func flushBytes(_ bytes: Int) -> Configuration { with { $0.flushBytes = bytes } }

    /// Instead of the two above: reasons to send, also your own.
    public func flushPolicies(_ policies: [any FlushPolicy]) -> Configuration { with { $0.flushPolicies = policies } }

    /// The most events in one request. Default and at most 2,500.
    public func maxBatchEvents(_ count: Int) -> Configuration { with { $0.maxBatchEvents = count } }

    /// Whether bodies are compressed. Default true.
    public func gzip(_ enabled: Bool) -> Configuration { with { $0.gzip = enabled } }

    /// Whether the write key goes in an `Authorization` header as well as in the body. Default true.
    public func basicAuth(_ enabled: Bool) -> Configuration { with { $0.basicAuth = enabled } }

    /// Sent with each batch.
    public func headers(_ headers: [String: String]) -> Configuration { with { $0.headers = headers } }

    /// How long one request may take in all, seconds. Default 30.
    public func requestTimeout(_ timeout: TimeInterval) -> Configuration { with { $0.requestTimeout = timeout } }

    /// When to try again.
    public func retry(_ policy: RetryPolicy) -> Configuration { with { $0.retry = policy } }

    /// How much may wait: 500,000 events, 256 MiB, 30 days. Over it the oldest go, with a report.
    public func storageLimits(events: Int? = nil, bytes: Int? = nil, age: TimeInterval? = nil) -> Configuration {
        with {
            $0.maxEvents = events ?? $0.maxEvents
            $0.maxBytes = bytes ?? $0.maxBytes
            $0.maxAge = age ?? $0.maxAge
        }
    }

    /// The settings document while none was ever fetched.
    public func defaultSettings(_ settings: Settings?) -> Configuration { with { $0.defaultSettings = settings } }

    /// Whether the settings document is fetched. Default true; no event waits for it.
    public func fetchSettings(_ enabled: Bool) -> Configuration { with { $0.settings = enabled } }

    /// Whether the settings document may move the uploads. Default: only where no ``apiHost(_:)`` is set; then it always may.
    public func followsApiHostOfSettings(_ enabled: Bool) -> Configuration { with { $0.followApiHost = enabled } }

    /// Whether events go to the hub. Default true; otherwise to device-mode destinations only.
    public func autoAddSegmentDestination(_ enabled: Bool) -> Configuration {
        with { $0.autoAddSegmentDestination = enabled }
    }

    /// Has the last word on each request.
    public func requestFactory(_ factory: @escaping @Sendable (URLRequest) -> URLRequest) -> Configuration {
        with { $0.requestFactory = factory }
    }

    /// Hears of calls that cannot be events, and of storage that cannot be used. On the thread that called.
    public func errorHandler(_ handler: @escaping @Sendable (any Error) -> Void) -> Configuration {
        with { $0.errorHandler = handler }
    }

    /// Hears of all events that will never be delivered, with the reason. On a thread of its own.
    public func onReport(_ handler: @escaping @Sendable (DropReport) -> Void) -> Configuration {
        with { $0.reportHandler = handler }
    }

    /// Hears of what is worth knowing and costs no event. On the thread of ``onReport(_:)``.
    public func onDiagnostic(_ handler: @escaping @Sendable (Diagnostic) -> Void) -> Configuration {
        with { $0.diagnosticHandler = handler }
    }

    /// What becomes of NaN and infinities. Default ``NonConformingNumberStrategy/zero``.
    public func jsonNonConformingNumberStrategy(_ strategy: NonConformingNumberStrategy) -> Configuration {
        with { $0.numbers = strategy }
    }

    /// Where events wait. Default ``StorageMode/disk``.
    public func storageMode(_ mode: StorageMode) -> Configuration { with { $0.storageMode = mode } }

    /// How safe an event is when a call returns. Default ``Durability/buffered``.
    public func durability(_ durability: Durability) -> Configuration { with { $0.durability = durability } }

    /// Makes the device's id at the first start, after a reset, and when another user than the current one is named. Default a UUID.
    public func anonymousIdGenerator(_ generator: any AnonymousIdGenerator) -> Configuration {
        with { $0.anonymousIdGenerator = generator }
    }

    /// The session that carries requests out, instead of one of the SDK's own. Its redirects and challenges are yours: one that
    /// follows redirects by itself may take an answer from elsewhere for the hub's.
    public func httpSession(_ session: @escaping @Sendable () -> URLSession) -> Configuration {
        with { $0.session = session }
    }

    /// The proxy, in the keys of `URLSessionConfiguration.connectionProxyDictionary`. Default the system's.
    public func proxy(_ dictionary: [String: any Sendable]) -> Configuration { with { $0.proxy = dictionary } }

    /// Decides on authentication challenges, such as to pin certificates.
    public func onAuthenticationChallenge(_ handler: @escaping ChallengeHandler) -> Configuration {
        with { $0.challenge = handler }
    }

    /// Asks for the user's consent: what is configured here, ``Analytics/setConsent(_:)`` decides.
    public func consent(_ consent: ConsentConfiguration) -> Configuration { with { $0.consent = consent } }

    /// Sessions that end when no event came for so long, seconds. Default: none.
    public func sessions(timeout: TimeInterval) -> Configuration { with { $0.sessionTimeout = timeout } }

    /// `context.userAgent`. Default: none.
    public func userAgent(_ userAgent: String) -> Configuration { with { $0.userAgent = userAgent } }

    /// Whether device, app, screen and network go into the context. Default true.
    public func automaticContext(_ enabled: Bool) -> Configuration { with { $0.automaticContext = enabled } }

    /// Whether what analytics-swift left on the device is taken over, once. Default true.
    public func migratesFromAnalyticsSwift(_ enabled: Bool) -> Configuration { with { $0.migrates = enabled } }

    /// Whether `flush` waits. Default ``OperatingMode/asynchronous``.
    public func operatingMode(_ mode: OperatingMode) -> Configuration { with { $0.operatingMode = mode } }

    /// Where the completions of `flush` are called. Default: a thread of their own. With
    /// ``OperatingMode/synchronous``, `flush` does not wait for them.
    public func flushQueue(_ queue: DispatchQueue) -> Configuration { with { $0.flushQueue = queue } }

    /// Nothing: the SDK finds the application by itself.
    @available(*, deprecated, message: "Not needed: the SDK finds the application by itself.")
    public func application(_ application: Any?) -> Configuration { self }
}
