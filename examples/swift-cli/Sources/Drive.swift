import Foundation
import Headwater

/// One run by the contract: makes the calls, waits until all is out, says what became of it.
struct Drive {
    private let input: JSON
    private let ours: JSON
    private let heard = Heard()

    init(_ input: JSON) {
        self.input = input
        ours = input["headwater"] ?? .object([:])
    }

    func run() throws -> JSON {
        let analytics = Analytics(configuration: try configuration())
        if ours["awaitSettings"]?.boolValue == true {
            let until = Date() + 15
            while analytics.settings() == nil, Date() < until { Thread.sleep(forTimeInterval: 0.005) }
        }
        let crashAfter = ours["crashAfter"]?.intValue
        var calls = 0
        for sequence in input["sequences"]?.arrayValue ?? [] {
            Thread.sleep(forTimeInterval: (sequence["delayMs"]?.doubleValue ?? 0) / 1000)
            if let consent = sequence["consent"]?.objectValue {
                analytics.setConsent(consent.compactMapValues(\.boolValue))
            }
            for event in sequence["events"]?.arrayValue ?? [] {
                call(analytics, event)
                calls += 1
                if calls == crashAfter { kill(getpid(), SIGKILL) }
            }
            if sequence["flush"]?.boolValue == true {
                let done = DispatchSemaphore(value: 0)
                analytics.flush(report: { _ in done.signal() })
                done.wait()
            }
        }
        let timeout = input["config"]?["timeout"]?.doubleValue ?? 10
        let last = analytics.shutdown(timeout: timeout)
        return heard.answer(last)
    }

    private func call(_ analytics: Analytics, _ event: JSON) {
        switch event["type"]?.stringValue {
        case "track": TrackEvent(json: event).map { analytics.process(event: $0) }
        case "identify": IdentifyEvent(json: event).map { analytics.process(event: $0) }
        case "page": PageEvent(json: event).map { analytics.process(event: $0) }
        case "screen": ScreenEvent(json: event).map { analytics.process(event: $0) }
        case "group": GroupEvent(json: event).map { analytics.process(event: $0) }
        case "alias": AliasEvent(json: event).map { analytics.process(event: $0) }
        default: heard.refuse("unknown type")
        }
    }

    private func configuration() throws -> Configuration {
        guard let writeKey = input["writeKey"]?.stringValue else {
            throw AnalyticsError.configuration("the input names no writeKey")
        }
        let heard = heard
        let config = input["config"] ?? .object([:])
        func seconds(_ key: String) -> TimeInterval? { ours[key]?.doubleValue.map { $0 / 1000 } }
        var configuration = Configuration(writeKey: writeKey)
            .automaticContext(false)
            .trackApplicationLifecycleEvents(false)
            .migratesFromAnalyticsSwift(false)
            .fetchSettings(input["cdnHost"] != nil)
            .followsApiHostOfSettings(ours["followApiHost"]?.boolValue ?? false)
            .jsonNonConformingNumberStrategy(.throw)
            .retry(
                RetryPolicy(
                    base: seconds("backoffMs"), longest: seconds("maxBackoffMs"), maxRetries: config["maxRetries"]?.intValue,
                    maxRateLimited: ours["maxRateLimited"]?.intValue, maxTotal: seconds("maxTotalMs"))
            )
            .storageLimits(events: ours["quotaEvents"]?.intValue)
            .errorHandler { heard.refuse("\($0)") }
            .onReport { heard.report($0) }
            .onDiagnostic { heard.diagnostic($0) }
        if let host = input["apiHost"]?.stringValue { configuration = configuration.apiHost(host) }
        if let host = input["cdnHost"]?.stringValue { configuration = configuration.cdnHost(host) }
        if let count = config["flushAt"]?.intValue { configuration = configuration.flushAt(count) }
        if let ms = config["flushInterval"]?.doubleValue { configuration = configuration.flushInterval(ms / 1000) }
        if let bytes = ours["flushBytes"]?.intValue { configuration = configuration.flushBytes(bytes) }
        if let count = ours["maxBatchEvents"]?.intValue { configuration = configuration.maxBatchEvents(count) }
        if let gzip = ours["gzip"]?.boolValue { configuration = configuration.gzip(gzip) }
        if let basicAuth = ours["basicAuth"]?.boolValue { configuration = configuration.basicAuth(basicAuth) }
        if let timeout = seconds("requestTimeoutMs") { configuration = configuration.requestTimeout(timeout) }
        if let consent = ours["consent"] {
            configuration = configuration.consent(
                ConsentConfiguration(
                    model: consent["model"]?.stringValue == "opt-out" ? .optOut : .optIn,
                    categories: (consent["categories"]?.arrayValue ?? []).compactMap(\.stringValue),
                    hold: consent["hold"]?.stringValue == "memory" ? .memory : .persist))
        }
        switch ours["durability"]?.stringValue {
        case "memory": return configuration.storageMode(.memory(ours["quotaEvents"]?.intValue ?? 500_000))
        case "sync": configuration = configuration.durability(.sync)
        default: break
        }
        let directory = ours["directory"]?.stringValue
            ?? NSTemporaryDirectory() + "/headwater-swift-" + UUID().uuidString
        return configuration.storageMode(.diskAtURL(URL(fileURLWithPath: directory)))
    }
}

/// What the SDK told, added up.
final class Heard: @unchecked Sendable {
    private let lock = NSLock()
    private var batches = 0
    private var reports: [String: Int] = [:]
    private var refused: [String] = []
    /// Diagnostics about where events go.
    private var told: [String: Int] = [:]

    private func locked<Answer>(_ act: () -> Answer) -> Answer {
        lock.lock()
        defer { lock.unlock() }
        return act()
    }

    func refuse(_ why: String) {
        say("refused: \(why)")
        locked { refused.append(why) }
    }

    func report(_ report: DropReport) {
        say("\(report.count) events lost: \(report.reason)")
        locked { reports[report.reason, default: 0] += report.count }
    }

    func diagnostic(_ diagnostic: Diagnostic) {
        if diagnostic.kind == "batch_delivered" { locked { batches += 1 } } else { say("\(diagnostic)") }
        if ["redirected", "not_found", "no_endpoint"].contains(diagnostic.kind) {
            locked { told[diagnostic.kind, default: 0] += 1 }
        }
    }

    func answer(_ last: FlushReport?) -> JSON {
        locked {
            let dropped = reports.values.reduce(0, +)
            let pending = last?.pending ?? 0
            let success = last != nil && dropped + pending + refused.count == 0
            var answer: JSON = [
                "success": .bool(success), "sentBatches": .int(Int64(batches)), "pending": .int(Int64(pending)),
                "reports": .object(reports.mapValues { .int(Int64($0)) }), "refused": .array(refused.map(JSON.string)),
                "told": .object(told.mapValues { .int(Int64($0)) }),
            ]
            if !success {
                let waiting = last?.waitingFor ?? "nothing"
                answer["error"] = .string(
                    "\(refused.count) calls refused, \(dropped) events dropped, \(pending) pending (waiting for \(waiting))")
            }
            return answer
        }
    }

    private func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }
}
