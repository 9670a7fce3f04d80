import Foundation
internal import HeadwaterBinding

/// One source's native client, shared by all `Analytics` of this process on the same folder.
final class Hub: Sendable {
    /// `nil` when the configuration cannot work.
    let client: HeadwaterBinding.Client?
    /// `nil` in memory mode.
    let folder: URL?
    /// Why the storage that was asked for could not be used.
    let problem: AnalyticsError?
    private let ears: Ears

    private static let open = Guarded<[String: Weak]>([:])

    private struct Weak {
        weak var hub: Hub?
    }

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
        let ears = Ears()
        self.ears = ears
        var configuration = values.binding(context: context)
        let transport = URLSessionTransport(values)
        func build() throws -> HeadwaterBinding.Client {
            try HeadwaterBinding.Client(
                configuration: configuration, transport: transport, platform: nil, listener: ears)
        }
        var problem: AnalyticsError?
        if let folder {
            do {
                try Folder.prepare(folder)
                configuration.directory = folder.appendingPathComponent("queue").path
                client = try build()
                self.folder = folder
                self.problem = nil
                return
            } catch {
                problem = (error as? HeadwaterError).map(AnalyticsError.init) ?? .storage("\(error)")
            }
        }
        self.folder = nil
        configuration.directory = nil
        configuration.durability = .memory
        do {
            client = try build()
            self.problem = problem
        } catch {
            client = nil
            self.problem = (error as? HeadwaterError).map(AnalyticsError.init) ?? .configuration("\(error)")
        }
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

/// Hands what the client tells to every `Analytics` on it.
private final class Ears: HeadwaterBinding.Listener {
    private struct Weak {
        weak var analytics: Analytics?
    }
    private let all = Guarded<[Weak]>([])

    func attach(_ analytics: Analytics) {
        all.with { list in
            list.removeAll { $0.analytics == nil }
            list.append(Weak(analytics: analytics))
        }
    }

    private var listeners: [Analytics] { all.with { $0.compactMap(\.analytics) } }

    func onReport(report: HeadwaterBinding.DropReport) throws {
        for analytics in listeners { analytics.values.reportHandler?(DropReport(report)) }
    }

    func onDiagnostic(diagnostic: HeadwaterBinding.Diagnostic) throws {
        for analytics in listeners { analytics.values.diagnosticHandler?(Diagnostic(diagnostic)) }
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

extension Configuration.Values {
    func binding(context: JSON) -> HeadwaterBinding.Configuration {
        var binding = HeadwaterBinding.Configuration(writeKey: writeKey, endpoint: address(apiHost ?? "api.segment.io/v1"))
        binding.context = context.text
        let count = flushPolicies.compactMap { ($0 as? CountBasedFlushPolicy)?.count }.first
        let interval = flushPolicies.compactMap { ($0 as? IntervalBasedFlushPolicy)?.interval }.first
        // With policies of its own, the app decides: the engine's remain a backstop.
        let custom = !flushPolicies.isEmpty
        binding.flushAt = (count ?? flushAt).map { UInt32(clamping: max(1, $0)) } ?? (custom ? 500 : nil)
        binding.flushIntervalMs = (interval ?? flushInterval).map(ms) ?? (custom ? 300_000 : nil)
        binding.flushBytes = flushBytes.map { UInt64(clamping: $0) }
        binding.maxBatchEvents = maxBatchEvents.map { UInt32(clamping: $0) }
        binding.gzip = gzip
        binding.basicAuth = basicAuth
        binding.headers = headers.map { Header(name: $0.key, value: $0.value) }
        binding.requestTimeoutMs = requestTimeout.map(ms)
        binding.retry = Retry(
            baseMs: retry.base.map(ms), maxMs: retry.longest.map(ms),
            maxRetries: retry.maxRetries.map { UInt32(clamping: $0) },
            maxRateLimited: retry.maxRateLimited.map { UInt32(clamping: $0) }, maxTotalMs: retry.maxTotal.map(ms))
        binding.quotaEvents = maxEvents.map { UInt64(clamping: $0) }
        if case .memory(let events) = storageMode {
            binding.durability = .memory
            binding.quotaEvents = UInt64(clamping: max(1, events))
        } else if durability == .sync {
            binding.durability = .sync
        }
        binding.quotaBytes = maxBytes.map { UInt64(clamping: $0) }
        binding.quotaAgeMs = maxAge.map(ms)
        binding.consent = consent.map { consent in
            Consent(
                model: consent.model == .optIn ? .optIn : .optOut, categories: consent.categories,
                hold: consent.hold == .memory ? .memory : .persist)
        }
        binding.sessionTimeoutMs = sessionTimeout.map(ms)
        binding.fetchSettings = settings
        binding.followApiHost = followApiHost ?? (apiHost == nil)
        if settings, cdnHost != nil || apiHost == nil {
            let host = address(cdnHost ?? "cdn-settings.segment.com/v1")
            let base = host.hasSuffix("/v1") ? host : host + "/v1"
            binding.settingsUrl = "\(base)/projects/\(writeKey)/settings"
        }
        binding.defaultSettings = defaultSettings?.document.text
        return binding
    }

    private func ms(_ seconds: TimeInterval) -> UInt64 {
        seconds.isFinite ? UInt64(max(0, min(seconds * 1000, 1e15))) : 1_000_000_000_000_000
    }

    private func address(_ host: String) -> String {
        let host = host.hasSuffix("/") ? String(host.dropLast()) : host
        return host.contains("://") ? host : "https://" + host
    }
}
