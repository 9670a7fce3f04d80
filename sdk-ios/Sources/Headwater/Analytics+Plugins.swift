import Foundation
internal import HeadwaterBinding

extension Analytics {
    /// Adds a plugin; it sees the events of all calls from now on.
    @discardableResult
    public func add(plugin: any Plugin) -> any Plugin {
        if plugin is any WaitingPlugin { pipeline.pause(plugin, self) }
        plugin.configure(analytics: self)
        if let destination = plugin as? any DestinationPlugin {
            timeline.add(plugin)
            destination.timeline.all.forEach { $0.configure(analytics: self) }
            plug(destination, needsSettings: destination.needsSettings)
        } else {
            if let settings = settings() { update(plugin, settings) }
            timeline.add(plugin)
        }
        return plugin
    }

    /// Changes every event, or drops it by answering `nil`.
    @discardableResult
    public func add(enrichment: @escaping EnrichmentClosure) -> any Plugin {
        add(plugin: ClosureEnrichment(closure: enrichment))
    }

    /// It sees no more events, and is shut down.
    public func remove(plugin: any Plugin) {
        timeline.remove(plugin)
        forgetSettings(of: plugin)
        destinations.with { all in
            for adapter in all where adapter.plugin === plugin { adapter.detach() }
            all.removeAll { $0.plugin == nil }
        }
        pipeline.resume(ObjectIdentifier(plugin), self)
        plugin.shutdown()
    }

    /// The first plugin of this type.
    public func find<T: Plugin>(pluginType: T.Type) -> T? { findAll(pluginType: pluginType).first }

    /// All plugins of this type, those of destinations included.
    public func findAll<T: Plugin>(pluginType: T.Type) -> [T] {
        let inner = timeline.all.compactMap { ($0 as? any DestinationPlugin)?.timeline.all }.joined()
        return (timeline.all + inner).compactMap { $0 as? T }
    }

    /// The destination with this key.
    public func find(key: String) -> (any DestinationPlugin)? {
        timeline.all.lazy.compactMap { $0 as? any DestinationPlugin }.first { $0.key == key }
    }

    /// Calls this with every plugin.
    public func apply(closure: (any Plugin) -> Void) { timeline.all.forEach(closure) }

    /// Lets a destination run without an entry in the settings document.
    public func manuallyEnableDestination(plugin: any DestinationPlugin) {
        let found = destinations.with { all in
            all.first { $0.plugin === plugin && $0.needsSettings }.map { $0.detach() } != nil
        }
        if found { plug(plugin, needsSettings: false) }
    }

    private func plug(_ destination: any DestinationPlugin, needsSettings: Bool) {
        let adapter = DestinationAdapter(destination, self, needsSettings: needsSettings)
        destinations.with { all in
            all.removeAll { $0.plugin == nil }
            all.append(adapter)
        }
        hub.client?.addDestination(
            info: DestinationInfo(
                key: destination.key, categories: destination.categories, needsSettings: needsSettings),
            destination: adapter)
    }

    /// To a client that took another's place.
    func plugAgain() {
        let plugged = destinations.with { all in
            all.compactMap { adapter in adapter.plugin.map { ($0, adapter.needsSettings) } }
        }
        destinations.with { all in
            all.forEach { $0.detach() }
            all = []
        }
        for (plugin, needsSettings) in plugged { plug(plugin, needsSettings: needsSettings) }
    }

    /// Holds events back until ``resumeEventProcessing(plugin:)``, 30 seconds at most.
    public func pauseEventProcessing(plugin: any WaitingPlugin) { pipeline.pause(plugin, self) }

    /// Events go on, once no other plugin waits.
    public func resumeEventProcessing(plugin: any WaitingPlugin) { pipeline.resume(ObjectIdentifier(plugin), self) }
}

private final class ClosureEnrichment: Plugin, @unchecked Sendable {
    let type = PluginType.enrichment
    weak var analytics: Analytics?
    private let closure: EnrichmentClosure

    init(closure: @escaping EnrichmentClosure) { self.closure = closure }

    func execute<T: RawEvent>(event: T?) -> T? { closure(event) as? T }
}

/// A destination plugin as the native client knows destinations.
final class DestinationAdapter: HeadwaterBinding.Destination {
    private struct State {
        var plugin: (any DestinationPlugin)?
        weak var analytics: Analytics?
        var updated = false
    }
    private let state: Guarded<State>
    let needsSettings: Bool

    init(_ plugin: any DestinationPlugin, _ analytics: Analytics, needsSettings: Bool) {
        state = Guarded(State(plugin: plugin, analytics: analytics))
        self.needsSettings = needsSettings
    }

    /// `nil` once it was removed.
    var plugin: (any DestinationPlugin)? { state.with { $0.plugin } }

    func detach() { state.with { $0.plugin = nil } }

    func deliver(event: String) throws {
        guard let plugin, let event = rawEvent(try JSON(text: event)) else { return }
        let analytics = state.with { $0.analytics }
        do {
            if let failed = try plugin.process(event, { analytics?.pluginFailed($0) }) {
                throw ForeignError.Guard(detail: "\(failed.plugin.fullName): \(Swift.type(of: failed.error))")
            }
        } catch let error as ForeignError {
            throw error
        } catch {
            analytics?.pluginFailed(error)
            throw ForeignError.Failed(detail: "\(Swift.type(of: error))")
        }
    }

    func update(settings: String) throws {
        let (plugin, analytics, type) = state.with { state in
            defer { state.updated = true }
            return (state.plugin, state.analytics, state.updated ? UpdateType.refresh : .initial)
        }
        guard let plugin, let settings = analytics?.settings() else { return }
        plugin.update(settings: settings, type: type)
        plugin.timeline.all.forEach { $0.update(settings: settings, type: type) }
    }

    func flush() throws { plugin?.flush() }

    func reset() throws { plugin?.reset() }
}
