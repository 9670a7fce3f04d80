import Foundation
internal import HeadwaterBinding

/// The way of a call: straight into the queue where no plugin looks, else in two halves with the plugins in between.
///
/// ```text
///  call ─┬─ no plugins ─────────────────────────────────────────► queue
///        └─ stamp ─► before ─► enrichment ─► closures ─┬─────────► queue ─► after
///              └─ (a plugin waits: on the disk until) ─┼ dropped ─► report
///                                                      └ a required plugin failed ─► kept back by the engine, which asks again
/// ```
/// Invariant: one event at a time is between its halves, so the order of the queue is that of the calls.
final class Pipeline: @unchecked Sendable {
    private struct Item {
        var event: String
        var enrichments: [EnrichmentClosure]
        var depth: Int
    }

    /// Calls that a plugin's calls led to, at most: one that answers each event with another would never end.
    private static let deepest = 8
    /// Seconds that a waiting plugin can hold events back.
    private static let longestWait = 30.0

    // Recursive, so that a plugin may make calls: they are stamped at once, and taken after the event at hand.
    private let lock = NSRecursiveLock()
    private var running = false
    private var depth = 0
    private var next: [Item] = []
    private var held: [Item] = []
    private var waitingFor: [ObjectIdentifier] = []
    private let journal: Journal

    init(journal file: URL?) { journal = Journal(file: file) }

    /// Events that wait for a plugin.
    var waiting: Int { locked { held.count } }

    private func locked<Answer>(_ act: () throws -> Answer) rethrows -> Answer {
        lock.lock()
        defer { lock.unlock() }
        return try act()
    }

    /// Acts while no call is taken.
    func alone(_ act: () -> Void) { locked(act) }

    func take(_ event: some RawEvent, _ enrichments: [EnrichmentClosure], _ analytics: Analytics) {
        let hub = analytics.hub
        guard hub.client != nil else { return }
        locked {
            do {
                if let identify = event as? IdentifyEvent { analytics.prepare(identify) }
                if enrichments.isEmpty, !running, waitingFor.isEmpty, !analytics.timeline.seesEvents {
                    let text = event.json.text
                    _ = try hub.attempt { client, _ in try client.call(event: text) }
                    queued(event, analytics)
                    return
                }
                guard depth < Self.deepest else { throw AnalyticsError.recursion }
                guard let stamped = try hub.client?.stamp(event: event.json.text) else { return }
                next.append(Item(event: stamped, enrichments: enrichments, depth: depth + 1))
            } catch {
                analytics.fail(error)
            }
            work(analytics)
        }
    }

    private func work(_ analytics: Analytics) {
        guard !running else { return }
        running = true
        defer { running = false }
        while !next.isEmpty {
            let item = next.removeFirst()
            if waitingFor.isEmpty {
                depth = item.depth
                run(item, analytics)
                depth = 0
            } else {
                held.append(item)
                journal.append(item.event, analytics.timeline.guards)
            }
        }
    }

    private func run(_ item: Item, _ analytics: Analytics) {
        let hub = analytics.hub
        do {
            switch try passed(item, analytics) {
            case .dropped(let plugin): try hub.client?.discard(event: item.event, plugin: plugin)
            case .failed(let plugin, let detail):
                let guards = analytics.timeline.guards
                _ = try hub.attempt { client, _ in
                    try client.hold(event: item.event, plugin: plugin, detail: detail, guards: guards)
                }
            case .passed(let text):
                guard let event = rawEvent(try JSON(text: text)) else { return }
                _ = try hub.attempt { client, renewed in
                    // The new client has not heard of the user.
                    if renewed, event is IdentifyEvent { _ = try client.stamp(event: text) }
                    return try client.submit(event: text)
                }
                after(event, analytics)
            }
        } catch {
            analytics.fail(error)
        }
    }

    /// What all plugins, from the first on, and the call's own closures make of an event.
    private func passed(_ item: Item, _ analytics: Analytics) throws -> Tried {
        guard let event = rawEvent(try JSON(text: item.event)) else { return .dropped(plugin: "an event of no known type") }
        var current: any RawEvent
        switch analytics.timeline.run(event, analytics.pluginFailed) {
        case .passed(let event): current = event
        case .dropped(let plugin): return .dropped(plugin: "\(Swift.type(of: plugin))")
        case .failed(let plugin, let error):
            return .failed(plugin: plugin.fullName, detail: "\(Swift.type(of: error))")
        }
        for enrichment in item.enrichments {
            guard let changed = enrichment(current) else { return .dropped(plugin: "the call's enrichment") }
            current = changed
        }
        return .passed(event: current.json.text)
    }

    private func after(_ event: any RawEvent, _ analytics: Analytics) {
        _ = analytics.timeline.run(.after, event, analytics.pluginFailed)
        queued(event, analytics)
    }

    /// The engine asks again: an event that a required plugin kept back.
    func tryAgain(_ event: String, _ guards: [String], _ analytics: Analytics) throws -> Tried {
        try locked {
            let here = analytics.timeline.all.map(\.fullName)
            if let missing = guards.first(where: { !here.contains($0) }) {
                return .failed(plugin: missing, detail: "it is not there")
            }
            guard waitingFor.isEmpty else {
                return .failed(plugin: guards.first ?? "", detail: "another plugin is not ready")
            }
            // Calls that plugins make now come right after it.
            running = true
            depth = 1
            defer {
                running = false
                depth = 0
                work(analytics)
            }
            let seen = try passed(Item(event: event, enrichments: [], depth: 1), analytics)
            if case .passed(let text) = seen, let event = rawEvent(try JSON(text: text)) { after(event, analytics) }
            return seen
        }
    }

    private func queued(_ event: any RawEvent, _ analytics: Analytics) {
        analytics.background.queued(analytics)
        let policies = analytics.pace.with { $0.policies }
        guard !policies.isEmpty else { return }
        var due = false
        for policy in policies {
            policy.updateState(event: event)
            due = policy.shouldFlush() || due
        }
        if due { analytics.startFlush(nil) }
    }

    // MARK: Waiting plugins

    func pause(_ plugin: any Plugin, _ analytics: Analytics) {
        let id = ObjectIdentifier(plugin)
        locked { waitingFor.append(id) }
        DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + Self.longestWait) { [weak self, weak analytics] in
            guard let self, let analytics else { return }
            resume(id, analytics)
        }
    }

    func resume(_ id: ObjectIdentifier, _ analytics: Analytics) {
        locked {
            guard waitingFor.contains(id) else { return }
            waitingFor.removeAll { $0 == id }
            guard waitingFor.isEmpty else { return }
            next.insert(contentsOf: held, at: 0)
            held = []
            work(analytics)
            if held.isEmpty { journal.clear() }
        }
    }

    /// Reports all that is held back as dropped.
    func purge(_ analytics: Analytics) {
        locked {
            for item in held { try? analytics.hub.client?.discard(event: item.event, plugin: "purgeStorage") }
            held = []
            journal.clear()
        }
    }

    /// Events that an earlier run held back for a waiting plugin when it ended. The app adds its plugins after this: those that the
    /// event must pass it waits for, as one that such a plugin kept back.
    func recover(_ analytics: Analytics) {
        let events = journal.read()
        guard !events.isEmpty else { return }
        locked {
            for (event, guards) in events {
                guard let plugin = guards.first else {
                    next.append(Item(event: event, enrichments: [], depth: 1))
                    continue
                }
                let detail = "the app ended while a plugin was waited for"
                do {
                    _ = try analytics.hub.client?.hold(event: event, plugin: plugin, detail: detail, guards: guards)
                } catch {
                    analytics.fail(error)
                }
            }
            work(analytics)
            if held.isEmpty { journal.clear() }
        }
    }
}

/// Held-back events on the disk, one a line. After a crash between their way into the queue and the clearing here they
/// come again with the same `messageId`, which the hub takes once.
private final class Journal {
    private let file: URL?
    private var handle: FileHandle?

    init(file: URL?) { self.file = file }

    func append(_ event: String, _ guards: [String]) {
        guard let file else { return }
        if handle == nil {
            if !FileManager.default.fileExists(atPath: file.path) {
                _ = FileManager.default.createFile(atPath: file.path, contents: nil)
            }
            handle = try? FileHandle(forWritingTo: file)
            _ = try? handle?.seekToEnd()
        }
        // The names before the event: a line that was cut off is no JSON.
        let names = JSON.array(guards.map(JSON.string)).text
        try? handle?.write(contentsOf: Data("{\"guards\":\(names),\"event\":\(event)}\n".utf8))
    }

    /// Each with the names of the plugins that it must pass.
    func read() -> [(event: String, guards: [String])] {
        guard let file, let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        // The last line may be cut off.
        return text.split(separator: "\n").compactMap { line in
            guard let record = try? JSON(text: String(line)) else { return nil }
            var guards: [String] = []
            if case .array(let names)? = record["guards"] { guards = names.compactMap(\.stringValue) }
            // Of a version that kept the event alone.
            guard let event = record["event"], case .object = event else { return (String(line), guards) }
            return (event.text, guards)
        }
    }

    func clear() {
        guard let file else { return }
        try? handle?.close()
        handle = nil
        try? FileManager.default.removeItem(at: file)
    }
}
