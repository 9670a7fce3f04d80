import Foundation
internal import HeadwaterBinding

/// One source's native client, shared by all `Analytics` of this process on the same folder.
final class Hub: Sendable {
    private struct State {
        /// `nil` when the configuration cannot work.
        var client: HeadwaterBinding.Client?
        /// The folder was let go of, and nothing failed since.
        var released = false
        /// What a client is told after its start, for one that takes its place.
        var context: JSON = .object([:])
        var online: Bool?
        /// Nothing may be tried, whatever the network.
        var quiet = false
        var pace: (at: UInt32, intervalMs: UInt64)?
    }

    /// `nil` in memory mode.
    let folder: URL?
    /// Why the storage that was asked for could not be used.
    let problem: AnalyticsError?
    private let configuration: HeadwaterBinding.Configuration
    private let transport: URLSessionTransport
    private let platform: DevicePlatform?
    private let ears = Ears()
    private let state: Guarded<State>
    private let renewing = NSLock()

    private static let open = Guarded<[String: Weak]>([:])

    private struct Weak {
        weak var hub: Hub?
    }

    var client: HeadwaterBinding.Client? { state.with { $0.client } }

    /// The one on this folder, or a new one.
    static func of(_ values: Configuration.Values, context: JSON) -> Hub {
        let folder = Folder.of(values)
        guard let folder else { return Hub(values, folder: nil, context: context) }
        return open.with { all in
            if let known = all[folder.path]?.hub { return known }
            let hub = Hub(values, folder: folder, context: context)
            all = all.filter { $0.value.hub != nil }
            all[folder.path] = Weak(hub: hub)
            return hub
        }
    }

    private init(_ values: Configuration.Values, folder: URL?, context: JSON) {
        transport = URLSessionTransport(values)
        platform = values.automaticContext ? DevicePlatform() : nil
        var configuration = values.binding(context: context)
        var problem: AnalyticsError?
        if let folder {
            do {
                try Folder.prepare(folder)
                configuration.directory = folder.appendingPathComponent("queue").path
            } catch {
                problem = .storage("\(error)")
            }
        }
        self.configuration = configuration
        let (client, failed) = Self.build(configuration, transport, platform, ears)
        self.folder = configuration.directory == nil || failed != nil ? nil : folder
        self.problem = problem ?? failed
        state = Guarded(State(client: client))
    }

    /// A client in the folder, or one in memory and what is wrong with the folder.
    private static func build(
        _ configuration: HeadwaterBinding.Configuration, _ transport: URLSessionTransport, _ platform: DevicePlatform?,
        _ ears: Ears
    ) -> (HeadwaterBinding.Client?, AnalyticsError?) {
        func client(_ configuration: HeadwaterBinding.Configuration) throws -> HeadwaterBinding.Client {
            try HeadwaterBinding.Client(
                configuration: configuration, transport: transport, platform: platform, listener: ears)
        }
        func told(_ error: any Error) -> AnalyticsError {
            (error as? HeadwaterError).map(AnalyticsError.init) ?? .configuration("\(error)")
        }
        var problem: AnalyticsError?
        if configuration.directory != nil {
            do { return (try client(configuration), nil) } catch { problem = told(error) }
        }
        var memory = configuration
        memory.directory = nil
        memory.durability = .memory
        do { return (try client(memory), problem) } catch { return (nil, told(error)) }
    }

    func attach(_ analytics: Analytics) { ears.attach(analytics) }

    /// It is about to be closed: the next `Analytics` on this folder gets another one.
    func retire() {
        guard let folder else { return }
        Self.open.with { all in
            if all[folder.path]?.hub === self { all[folder.path] = nil }
        }
    }
}

extension Hub {
    // MARK: What a client is told after its start

    func updateContext(_ context: JSON) throws {
        try client?.updateContext(context: context.text)
        state.with { $0.context = $0.context.merging(context) }
    }

    func setOnline(_ online: Bool) {
        let quiet = state.with { state in
            state.online = online
            return state.quiet
        }
        if !quiet { client?.setOnline(online: online) }
    }

    func setPace(_ pace: Pace) {
        let at = UInt32(clamping: pace.count)
        let intervalMs = milliseconds(pace.interval)
        state.with { $0.pace = (at, intervalMs) }
        client?.setFlush(flushAt: at, flushIntervalMs: intervalMs)
    }

    // MARK: Letting go of the folder

    /// Ends what is under way, and begins nothing until it is ended: an answer would be written down. Waits for what is
    /// under way, a second at most.
    func beQuiet(_ quiet: Bool) {
        let (changes, online) = state.with { state in
            defer { state.quiet = quiet }
            return (state.quiet != quiet, state.online ?? true)
        }
        if changes { client?.setOnline(online: quiet ? false : online) }
        if quiet { transport.cancelAll() }
    }

    /// Lets go of the folder's lock until the next call. Waits for the disk.
    func release() {
        guard folder != nil, let client, client.release() else { return }
        state.with { $0.released = true }
    }

    /// Acts with the client. When another process had the folder since it was let go of, with a new one: what waited is
    /// that process's to send. `renewed` says so.
    func attempt<Answer>(
        _ act: (_ client: HeadwaterBinding.Client, _ renewed: Bool) throws -> Answer
    ) throws -> Answer? {
        guard let client else { return nil }
        do {
            return try act(client, false)
        } catch HeadwaterError.Storage where state.with({ $0.released }) {
            renew(client)
            guard let client = self.client else { return nil }
            return try act(client, true)
        }
    }

    private func renew(_ failed: HeadwaterBinding.Client) {
        renewing.lock()
        defer { renewing.unlock() }
        guard client === failed else { return }
        _ = failed.shutdown(timeoutMs: 0)
        let (client, problem) = Self.build(configuration, transport, platform, ears)
        let told = state.with { state in
            state.client = client
            state.released = false
            return state
        }
        if let client {
            try? client.updateContext(context: told.context.text)
            if told.quiet || told.online != nil { client.setOnline(online: !told.quiet && told.online != false) }
            if let pace = told.pace { client.setFlush(flushAt: pace.at, flushIntervalMs: pace.intervalMs) }
        }
        for analytics in ears.listeners {
            analytics.plugAgain()
            if let problem { analytics.fail(problem) }
        }
    }
}

/// Hands what the client tells to every `Analytics` on it.
private final class Ears: HeadwaterBinding.Listener {
    private struct Weak {
        weak var analytics: Analytics?
    }
    private let all = Guarded<[Weak]>([])

    /// What the client said before anybody was attached: it speaks from its start on. `nil` from then on.
    private let early = Guarded<[HeadwaterBinding.Diagnostic]?>([])
    /// More than a start ever says.
    private static let mostEarly = 32
    private static let noHost = """
        headwater: no host is named, so events wait in the queue. Write .apiHost("hub.example/v1") in the configuration \
        (Segment's own API is "api.segment.io/v1").
        """

    func attach(_ analytics: Analytics) {
        all.with { list in
            list.removeAll { $0.analytics == nil }
            list.append(Weak(analytics: analytics))
        }
        let missed = early.with { early in
            defer { early = nil }
            return early ?? []
        }
        if missed.isEmpty { return }
        DispatchQueue.global().async { missed.forEach(self.say) }
    }

    var listeners: [Analytics] { all.with { $0.compactMap(\.analytics) } }

    func onReport(report: HeadwaterBinding.DropReport) throws {
        for analytics in listeners { analytics.values.reportHandler?(DropReport(report)) }
    }

    func onDiagnostic(diagnostic: HeadwaterBinding.Diagnostic) throws {
        if diagnostic.kind == "no_endpoint" { NSLog(Self.noHost) }
        let kept = early.with { early in
            guard let count = early?.count else { return false }
            if count < Self.mostEarly { early?.append(diagnostic) }
            return true
        }
        if !kept { say(diagnostic) }
    }

    private func say(_ diagnostic: HeadwaterBinding.Diagnostic) {
        for analytics in listeners { analytics.values.diagnosticHandler?(Diagnostic(diagnostic)) }
    }

    /// Whoever has the plugins that the event must pass runs them.
    func onTry(event: String, guards: [String]) throws -> Tried {
        let all = listeners
        let able = all.first { analytics in
            let here = analytics.timeline.guards
            return guards.allSatisfy(here.contains)
        }
        guard let analytics = able ?? all.first else {
            return .failed(plugin: guards.first ?? "", detail: "it is not there")
        }
        return try analytics.pipeline.tryAgain(event, guards, analytics)
    }

    func onChange(change: Change) throws {
        for analytics in listeners {
            switch change {
            case .identity: analytics.users.changed(analytics)
            case .settings: analytics.settingsChanged()
            }
        }
    }
}
