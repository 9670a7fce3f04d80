import Foundation
internal import HeadwaterBinding

/// The way of a call: straight into the queue where no plugin looks, else in two halves with the plugins in between.
///
/// ```text
///  call ─┬─ no plugins ─────────────────────────────────────────► queue
///        └─ stamp ─► before ─► enrichment ─► closures ─┬─────────► queue ─► after
///              └─ (a plugin waits: on the disk until) ─┘ dropped ─► report
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
                journal.append(item.event)
            }
        }
    }

    private func run(_ item: Item, _ analytics: Analytics) {
        let hub = analytics.hub
        do {
            guard var event = rawEvent(try JSON(text: item.event)) else { return }
            for type in [PluginType.before, .enrichment] {
                let (changed, plugin) = analytics.timeline.run(type, event)
                guard let changed else {
                    try hub.client?.discard(event: item.event, plugin: plugin.map { "\(Swift.type(of: $0))" } ?? "a plugin")
                    return
                }
                event = changed
            }
            for enrichment in item.enrichments {
                guard let changed = enrichment(event) else {
                    try hub.client?.discard(event: item.event, plugin: "the call's enrichment")
                    return
                }
                event = changed
            }
            let text = event.json.text
            _ = try hub.attempt { client, renewed in
                // The new client has not heard of the user.
                if renewed, event is IdentifyEvent { _ = try client.stamp(event: text) }
                return try client.submit(event: text)
            }
            _ = analytics.timeline.run(.after, event)
            queued(event, analytics)
        } catch {
            analytics.fail(error)
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

    /// Events that an earlier run held back when it ended.
    func recover(_ analytics: Analytics) {
        let events = journal.read()
        guard !events.isEmpty else { return }
        locked {
            next.append(contentsOf: events.map { Item(event: $0, enrichments: [], depth: 1) })
            if waitingFor.isEmpty {
                work(analytics)
                journal.clear()
            } else {
                held = next + held
                next = []
            }
        }
    }
}

/// Held-back events on the disk, one a line. After a crash between their way into the queue and the clearing here they
/// come again with the same `messageId`, which the hub takes once.
private final class Journal {
    private let file: URL?
    private var handle: FileHandle?

    init(file: URL?) { self.file = file }

    func append(_ event: String) {
        guard let file else { return }
        if handle == nil {
            if !FileManager.default.fileExists(atPath: file.path) {
                _ = FileManager.default.createFile(atPath: file.path, contents: nil)
            }
            handle = try? FileHandle(forWritingTo: file)
            _ = try? handle?.seekToEnd()
        }
        try? handle?.write(contentsOf: Data((event + "\n").utf8))
    }

    func read() -> [String] {
        guard let file, let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        // The last line may be cut off.
        return text.split(separator: "\n").map(String.init).filter { (try? JSON(text: $0)) != nil }
    }

    func clear() {
        guard let file else { return }
        try? handle?.close()
        handle = nil
        try? FileManager.default.removeItem(at: file)
    }
}
