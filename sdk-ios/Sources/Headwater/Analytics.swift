import Foundation
internal import HeadwaterBinding

/// Customer data from this app to your hub: calls are on the disk when they return, and arrive once, in order.
///
/// ```swift
/// let analytics = Analytics(configuration: Configuration(writeKey: "…"))
/// analytics.identify(userId: "u1", traits: ["plan": "pro"])
/// analytics.track(name: "Order Completed", properties: ["total": 27.5])
/// ```
/// Usable from any thread and task; no call waits for the network or the main thread. Two of one write key share a queue.
public final class Analytics: Sendable {
    /// What it was told at its start.
    public let configuration: Configuration
    /// The app's plugins.
    public let timeline = Timeline()

    let hub: Hub
    let memory: Memory
    let users: Users
    let pipeline: Pipeline
    let pace: Guarded<Pace>
    let background: Background
    /// The launch was tracked.
    let launchSeen = Guarded(false)
    let destinations = Guarded<[DestinationAdapter]>([])
    private let isEnabled = Guarded(true)
    /// The plugins that have seen settings.
    private let sawSettings = Guarded<Set<ObjectIdentifier>>([])
    private let observers = Guarded<[AnyObject & Sendable]>([])

    private struct First {
        weak var analytics: Analytics?
    }
    private static let first = Guarded(First())

    var values: Configuration.Values { configuration.values }

    /// Opens the queue and starts; what an earlier run left is sent first. What is wrong is told to
    /// ``Configuration/errorHandler(_:)``.
    public init(configuration: Configuration) {
        self.configuration = configuration
        let values = configuration.values
        let context = DeviceContext.initial(values)
        hub = Hub.of(values, context: context)
        memory = Memory(folder: hub.folder)
        users = Users()
        pipeline = Pipeline(journal: hub.folder?.appendingPathComponent("waiting.json"))
        pace = Guarded(Pace(values))
        background = Background(values.backgroundTime)
        Self.first.with { $0.analytics = $0.analytics ?? self }
        hub.attach(self)
        if let problem = hub.problem { values.errorHandler?(problem) }
        if values.migrates { Migration.run(self) }
        if values.anonymousIdGenerator != nil, memory["anonymousIdGenerated"] == nil { generateAnonymousId() }
        values.flushPolicies.forEach { $0.configure(analytics: self) }
        pipeline.recover(self)
        let watching = DeviceContext.watch(self) + AppEvents.watch(self)
        observers.with { $0 = watching }
    }

    /// The first one made, as long as the app keeps it.
    public static func shared() -> Analytics? { first.with { $0.analytics } }

    /// Whether calls are taken. Setting it to false ignores them; what waits is still sent.
    public var enabled: Bool {
        get { isEnabled.with { $0 } }
        set { isEnabled.with { $0 = newValue } }
    }

    /// The SDK's version.
    public static func version() -> String { DeviceContext.version }
    /// The SDK's version.
    public func version() -> String { DeviceContext.version }

    /// The settings document in force; `nil` while there is none.
    public func settings() -> Settings? {
        (hub.client?.settings()).flatMap { try? JSON(text: $0) }.map(Settings.init(document:))
    }

    func settingsChanged() {
        guard let settings = settings() else { return }
        for plugin in timeline.all where !(plugin is any DestinationPlugin) { update(plugin, settings) }
    }

    /// The first that a plugin sees are initial to it.
    func update(_ plugin: any Plugin, _ settings: Settings) {
        let isFirst = sawSettings.with { $0.insert(ObjectIdentifier(plugin)).inserted }
        plugin.update(settings: settings, type: isFirst ? .initial : .refresh)
    }

    func forgetSettings(of plugin: any Plugin) { sawSettings.with { _ = $0.remove(ObjectIdentifier(plugin)) } }

    /// Takes no more calls, sends what waits until it is out or the time is over, and frees the folder. Waits on this thread.
    @discardableResult
    public func shutdown(timeout: TimeInterval = 5) -> FlushReport? {
        observers.with { $0 = [] }
        hub.retire()
        return (hub.client?.shutdown(timeoutMs: milliseconds(timeout))).map(FlushReport.init)
    }

    /// Events that the hub refused, the last 20, newest last: `{"status": …, "event": {…}}`.
    public var quarantine: [JSON] { (hub.client?.quarantine() ?? []).compactMap { try? JSON(text: $0) } }

    /// Events that will never be delivered, by reason, since the start.
    public var drops: [String: Int] {
        Dictionary((hub.client?.drops() ?? []).map { ($0.reason, Int($0.count)) }, uniquingKeysWith: +)
    }

    // MARK: The device

    /// The network came or went. On Apple platforms the SDK finds out by itself.
    public func setOnline(_ online: Bool) { hub.setOnline(online) }

    /// Laid over the context of all events from now on.
    public func updateContext(_ context: JSON) {
        do { try hub.updateContext(context) } catch { fail(error) }
    }

    /// The user's decision on consent, by category; one that is configured and not named is denied.
    public func setConsent(_ decision: [String: Bool]) { hub.client?.setConsent(decision: decision) }

    /// The decision in force, by category, also from an earlier run; `nil` before there was one, and where the
    /// configuration asks for none.
    public var consent: [String: Bool]? { hub.client?.consent() }

    /// Starts a session by hand, with this id (unix seconds) or the time's. Needs ``Configuration/sessions(timeout:)``.
    public func startSession(id: UInt64? = nil) { hub.client?.startSession(id: id) }

    /// Ends the session; none starts by itself until ``startSession(id:)``.
    public func endSession() { hub.client?.endSession() }

    func lifecycle(_ state: HeadwaterBinding.Lifecycle) { hub.client?.lifecycle(state: state) }

    func pluginFailed(_ error: any Error) { fail(AnalyticsError.plugin("\(error)")) }

    func fail(_ error: any Error) {
        values.errorHandler?((error as? HeadwaterError).map(AnalyticsError.init) ?? error)
    }
}
