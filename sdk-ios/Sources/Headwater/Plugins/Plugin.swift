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
/// the event at hand. What a plugin throws is told to ``Configuration/errorHandler(_:)`` and goes no further; the event goes on
/// as it was before the plugin or, where that is ``required``, is kept back.
public protocol Plugin: AnyObject, Sendable {
    /// When it sees events.
    var type: PluginType { get }
    /// Of the types ``PluginType/before`` (default true) and ``PluginType/enrichment`` (default false): whether no event may go
    /// without it. When it throws, the event is kept back as it was at the call, seen again by all plugins after 1 and after 10
    /// seconds, and then reported as `plugin_failed`. Later events overtake it. It is on the disk meanwhile: the next start of
    /// the app tries it again, once a plugin of this type is added.
    var required: Bool { get }
    /// Set by the SDK; declare it `weak`.
    var analytics: Analytics? { get set }

    /// It was added. Default: keeps `analytics`.
    func configure(analytics: Analytics)
    /// The settings document came. Default: nothing.
    func update(settings: Settings, type: UpdateType)
    /// Sees one event; `nil` drops it, which is reported. Default: the event as it is.
    func execute<T: RawEvent>(event: T?) throws -> T?
    /// It was removed. Default: nothing.
    func shutdown()
}

extension Plugin {
    public var required: Bool { type == .before }
    public func configure(analytics: Analytics) { self.analytics = analytics }
    public func update(settings: Settings, type: UpdateType) {}
    public func execute<T: RawEvent>(event: T?) -> T? { event }
    public func shutdown() {}
}

/// A plugin with a method for each type of event.
public protocol EventPlugin: Plugin {
    /// Sees an identify event; `nil` drops it. Default: the event as it is.
    func identify(event: IdentifyEvent) throws -> IdentifyEvent?
    /// Sees a track event; `nil` drops it. Default: the event as it is.
    func track(event: TrackEvent) throws -> TrackEvent?
    /// Sees a screen event; `nil` drops it. Default: the event as it is.
    func screen(event: ScreenEvent) throws -> ScreenEvent?
    /// Sees a group event; `nil` drops it. Default: the event as it is.
    func group(event: GroupEvent) throws -> GroupEvent?
    /// Sees an alias event; `nil` drops it. Default: the event as it is.
    func alias(event: AliasEvent) throws -> AliasEvent?
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

    public func execute<T: RawEvent>(event: T?) throws -> T? { try byType(event) }

    func byType<T: RawEvent>(_ event: T?) throws -> T? {
        switch event {
        case let event as IdentifyEvent: try identify(event: event) as? T
        case let event as TrackEvent: try track(event: event) as? T
        case let event as ScreenEvent: try screen(event: event) as? T
        case let event as GroupEvent: try group(event: event) as? T
        case let event as AliasEvent: try alias(event: event) as? T
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

    /// Runs its own plugins round its own methods. Answers the one that failed and that the event may not go without.
    func process(_ event: any RawEvent, _ failed: (any Error) -> Void) throws -> (plugin: any Plugin, error: any Error)? {
        switch timeline.run(event, failed) {
        case .failed(let plugin, let error): return (plugin, error)
        case .dropped: return nil
        case .passed(let mine):
            func deliver<T: RawEvent>(_ event: T) throws -> (any RawEvent)? { try execute(event: event) }
            guard let done = try deliver(mine) else { return nil }
            _ = timeline.run(.after, done, failed)
            return nil
        }
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

    /// The names of the plugins that every event must pass.
    var guards: [String] { all.filter(\.isGuard).map(\.fullName) }

    /// What plugins of this type make of an event.
    func run(_ type: PluginType, _ event: any RawEvent, _ failed: (any Error) -> Void) -> Outcome {
        var current = event
        for plugin in all where plugin.type == type {
            func pass<T: RawEvent>(_ event: T) throws -> (any RawEvent)? { try plugin.execute(event: event) }
            do {
                guard let next = try pass(current) else { return .dropped(plugin) }
                current = next
            } catch {
                failed(error)
                if plugin.isGuard { return .failed(plugin, error) }
            }
        }
        return .passed(current)
    }

    /// Both types before the queue, in their order.
    func run(_ event: any RawEvent, _ failed: (any Error) -> Void) -> Outcome {
        let outcome = run(.before, event, failed)
        guard case .passed(let first) = outcome else { return outcome }
        return run(.enrichment, first, failed)
    }
}

/// What plugins make of an event.
enum Outcome {
    case passed(any RawEvent)
    case dropped(any Plugin)
    /// One that the event may not go without.
    case failed(any Plugin, any Error)
}

extension Plugin {
    /// Whether a failure of this plugin stops the event.
    var isGuard: Bool { (type == .before || type == .enrichment) && required }

    /// By which another run of the app finds it again.
    var fullName: String { String(reflecting: Swift.type(of: self)) }
}
