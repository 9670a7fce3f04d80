/// When a plugin sees an event.
public enum PluginType: Int, CaseIterable, Sendable {
    /// First, before anything else.
    case before
    /// Then: adds to the event, or drops it.
    case enrichment
    /// A device-mode destination: gets events that consent and `integrations` allow, on a thread of its own.
    case destination
    /// When the event is queued.
    case after
    /// Never by itself; found and used on demand.
    case utility
}

/// Whether settings are the first that a plugin sees.
public enum UpdateType: Sendable {
    /// The first that it sees.
    case initial
    /// Later ones.
    case refresh
}

/// Sees events on their way, one at a time, in the order of the calls.
///
/// The SDK never runs two plugins of one timeline at the same time, so a plugin's own state needs no lock as long as
/// nothing else touches it: declare such a class `@unchecked Sendable`. A call that a plugin makes is taken right after
/// the event at hand.
public protocol Plugin: AnyObject, Sendable {
    /// When it sees events.
    var type: PluginType { get }
    /// Set by the SDK; declare it `weak`.
    var analytics: Analytics? { get set }

    /// It was added. Default: keeps `analytics`.
    func configure(analytics: Analytics)
    /// The settings document came. Default: nothing.
    func update(settings: Settings, type: UpdateType)
    /// Sees one event; `nil` drops it, which is reported. Default: the event as it is.
    func execute<T: RawEvent>(event: T?) -> T?
    /// It was removed. Default: nothing.
    func shutdown()
}

extension Plugin {
    public func configure(analytics: Analytics) { self.analytics = analytics }
    public func update(settings: Settings, type: UpdateType) {}
    public func execute<T: RawEvent>(event: T?) -> T? { event }
    public func shutdown() {}
}

/// A plugin with a method for each type of event.
public protocol EventPlugin: Plugin {
    /// Sees an identify event; `nil` drops it. Default: the event as it is.
    func identify(event: IdentifyEvent) -> IdentifyEvent?
    /// Sees a track event; `nil` drops it. Default: the event as it is.
    func track(event: TrackEvent) -> TrackEvent?
    /// Sees a screen event; `nil` drops it. Default: the event as it is.
    func screen(event: ScreenEvent) -> ScreenEvent?
    /// Sees a group event; `nil` drops it. Default: the event as it is.
    func group(event: GroupEvent) -> GroupEvent?
    /// Sees an alias event; `nil` drops it. Default: the event as it is.
    func alias(event: AliasEvent) -> AliasEvent?
    /// The app sends what waits. Default: nothing.
    func flush()
    /// The user is forgotten. Default: nothing.
    func reset()
}

extension EventPlugin {
    public func identify(event: IdentifyEvent) -> IdentifyEvent? { event }
    public func track(event: TrackEvent) -> TrackEvent? { event }
    public func screen(event: ScreenEvent) -> ScreenEvent? { event }
    public func group(event: GroupEvent) -> GroupEvent? { event }
    public func alias(event: AliasEvent) -> AliasEvent? { event }
    public func flush() {}
    public func reset() {}

    public func execute<T: RawEvent>(event: T?) -> T? { byType(event) }

    func byType<T: RawEvent>(_ event: T?) -> T? {
        switch event {
        case let event as IdentifyEvent: identify(event: event) as? T
        case let event as TrackEvent: track(event: event) as? T
        case let event as ScreenEvent: screen(event: event) as? T
        case let event as GroupEvent: group(event: event) as? T
        case let event as AliasEvent: alias(event: event) as? T
        default: event
        }
    }
}

/// Never sees an event by itself.
public protocol UtilityPlugin: EventPlugin {}

/// Holds every event back until it says that it is ready: ``Analytics/pauseEventProcessing(plugin:)`` when it is added,
/// ``Analytics/resumeEventProcessing(plugin:)`` when it is. Events keep the time and user of their calls and are on the disk
/// meanwhile. After 30 seconds they go on without it.
public protocol WaitingPlugin: Plugin {}

/// Another vendor's SDK in this app.
///
/// All of it runs on a thread of its own. It gets an event when the settings document has an entry under its ``key`` (or
/// ``needsSettings`` is false), the event's `integrations` and the tracking plan allow it, and the user granted all of its
/// ``categories``.
public protocol DestinationPlugin: EventPlugin {
    /// Its name in `integrations` and in the settings document.
    var key: String { get }
    /// Plugins of its own.
    var timeline: Timeline { get }
    /// The consent categories it belongs to; the settings document can add more. Default none.
    var categories: [String] { get }
    /// Default true.
    var needsSettings: Bool { get }
}

extension DestinationPlugin {
    /// Always ``PluginType/destination``.
    public var type: PluginType { .destination }
    public var categories: [String] { [] }
    public var needsSettings: Bool { true }

    /// A plugin of the destination's own.
    @discardableResult
    public func add(plugin: any Plugin) -> any Plugin {
        timeline.add(plugin)
        if let analytics { plugin.configure(analytics: analytics) }
        return plugin
    }

    /// It sees no more events, and is shut down.
    public func remove(plugin: any Plugin) {
        timeline.remove(plugin)
        plugin.shutdown()
    }

    /// Calls this with every plugin of the destination's own.
    public func apply(closure: (any Plugin) -> Void) { timeline.all.forEach(closure) }

    /// Runs its own plugins round its own methods.
    func process(_ event: any RawEvent) {
        var current: (any RawEvent)? = event
        for type in [PluginType.before, .enrichment] {
            current = current.flatMap { timeline.run(type, $0).event }
        }
        func deliver<T: RawEvent>(_ event: T) -> (any RawEvent)? { execute(event: event) }
        guard let mine = current, let done = deliver(mine) else { return }
        _ = timeline.run(.after, done)
    }
}

/// Plugins in their order.
public final class Timeline: Sendable {
    private let plugins = Guarded<[any Plugin]>([])

    /// Empty.
    public init() {}

    var all: [any Plugin] { plugins.with { $0 } }

    func add(_ plugin: any Plugin) { plugins.with { $0.append(plugin) } }

    func remove(_ plugin: any Plugin) { plugins.with { $0.removeAll { $0 === plugin } } }

    var seesEvents: Bool {
        plugins.with { all in all.contains { [.before, .enrichment, .after].contains($0.type) } }
    }

    /// The event after all plugins of this type, or the plugin that dropped it.
    func run(_ type: PluginType, _ event: any RawEvent) -> (event: (any RawEvent)?, droppedBy: (any Plugin)?) {
        var current = event
        for plugin in all where plugin.type == type {
            func pass<T: RawEvent>(_ event: T) -> (any RawEvent)? { plugin.execute(event: event) }
            guard let next = pass(current) else { return (nil, plugin) }
            current = next
        }
        return (current, nil)
    }
}
