import Foundation
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

@testable import Headwater

/// The names of analytics-swift that are deprecated here.
private protocol OldNames {
    var pendingUploads: [URL]? { get }
    func purgeStorage(fileURL: URL)
    func waitUntilStarted()
}
extension Analytics: OldNames {}

@Suite struct SendingTests {
    func delivered(_ hub: AnsweringHub, _ configuration: Configuration? = nil) -> (Analytics, Heard<Int>) {
        let heard = Heard<Int>()
        let analytics = Analytics(
            configuration: (configuration ?? hub.configuration).onDiagnostic { diagnostic in
                if let events = diagnostic.events { heard.add(events) }
            })
        return (analytics, heard)
    }

    @Test func whenToSendCanBeChangedWhileTheAppRuns() async throws {
        let hub = AnsweringHub(status: 200)
        let (analytics, heard) = delivered(hub, hub.configuration.flushAt(100).flushInterval(1_000))
        #expect(analytics.flushAt == 100)
        #expect(analytics.flushInterval == 1_000)
        for n in 0..<3 { analytics.track(name: "e\(n)") }
        #expect(hub.requests.isEmpty)
        analytics.flushAt = 4
        analytics.track(name: "the fourth")
        try await heard.wait(for: 1)
        #expect(heard.all == [4])
        analytics.flushInterval = 0.1
        #expect(analytics.flushInterval == 0.1)
        analytics.track(name: "alone")
        try await heard.wait(for: 2)
        #expect(heard.all == [4, 1])
    }

    @Test func policiesComeAndGoWhileTheAppRuns() async throws {
        let hub = AnsweringHub(status: 200)
        let (analytics, heard) = delivered(hub, hub.configuration.flushAt(100))
        let policy = CountBasedFlushPolicy(count: 2)
        analytics.add(flushPolicy: policy)
        #expect(analytics.flushAt == 2)
        for n in 0..<2 { analytics.track(name: "e\(n)") }
        try await heard.wait(for: 1)
        analytics.remove(flushPolicy: policy)
        #expect(analytics.flushAt == 100)
        #expect(analytics.flushPolicies.isEmpty)
        for n in 0..<3 { analytics.track(name: "e\(n)") }
        #expect(analytics.pendingEvents == 3)
        let every = PluginTests.Every()
        analytics.add(flushPolicy: every)
        #expect(analytics.flushAt == 100)
        for n in 0..<3 { analytics.track(name: "e\(n)") }
        try await heard.wait(for: 2)
        #expect(every.flushes.all.count == 1)
        // A setter takes the place of the policy.
        analytics.add(flushPolicy: CountBasedFlushPolicy(count: 50))
        analytics.flushAt = 60
        #expect(analytics.flushAt == 60)
        #expect(analytics.flushPolicies.count == 1)
    }

    @Test func aSynchronousFlushReturnsWhenAllHasArrived() {
        let hub = AnsweringHub(status: 200)
        let (analytics, _) = delivered(hub, hub.configuration.operatingMode(.synchronous))
        #expect(analytics.operatingMode == .synchronous)
        analytics.track(name: "e")
        analytics.flush()
        #expect(hub.requests.count == 1)
        #expect(analytics.pendingEvents == 0)
        hub.answers(503)
        analytics.track(name: "stays")
        analytics.flush()
        #expect(analytics.pendingEvents == 1)
    }

    nonisolated(unsafe) private static let mine = DispatchSpecificKey<Bool>()

    @Test func completionsAreCalledOnTheQueueThatWasGiven() async {
        let hub = AnsweringHub(status: 200)
        let queue = DispatchQueue(label: "mine")
        queue.setSpecific(key: Self.mine, value: true)
        let (analytics, _) = delivered(hub, hub.configuration.flushQueue(queue))
        analytics.track(name: "e")
        let there = await withCheckedContinuation { continuation in
            analytics.flush { continuation.resume(returning: DispatchQueue.getSpecific(key: Self.mine) == true) }
        }
        #expect(there)
    }

    @Test func theLastWordOnARequestIsTheAppsAndItsSessionCarriesItOut() async {
        let hub = AnsweringHub(status: 200)
        let (analytics, _) = delivered(
            hub,
            hub.configuration.headers(["X-App": "shop"]).requestFactory { request in
                var request = request
                request.setValue("yes", forHTTPHeaderField: "X-Mine")
                return request
            })
        analytics.track(name: "e")
        await analytics.flush()
        #expect(hub.requests.first?.value(forHTTPHeaderField: "X-Mine") == "yes")
        #expect(hub.requests.first?.value(forHTTPHeaderField: "X-App") == "shop")
        #expect(hub.requests.first?.value(forHTTPHeaderField: "Authorization")?.hasPrefix("Basic ") == true)
    }

    @Test func theNamesOfAnalyticsSwiftThatMeanLittleHereDoWhatTheySay() async throws {
        let folder = place()
        let reports = Heard<DropReport>()
        let analytics = Analytics(configuration: .quiet().storageMode(.diskAtURL(folder)).onReport { reports.add($0) })
        analytics.setOnline(false)
        let old: any OldNames = analytics
        old.waitUntilStarted()
        #expect(old.pendingUploads == nil)
        analytics.track(name: "e")
        #expect(old.pendingUploads?.count == 1)
        old.purgeStorage(fileURL: folder.appendingPathComponent("elsewhere"))
        #expect(analytics.pendingEvents == 1)
        for file in old.pendingUploads ?? [] { old.purgeStorage(fileURL: file) }
        #expect(analytics.pendingEvents == 0)
        try await reports.wait(for: 1)
        #expect(reports.all.map(\.reason) == ["purged"])
    }

    @Test func whatIsPurgedWhileAPluginWaitsIsGoneAndReported() async throws {
        let reports = Heard<DropReport>()
        let (analytics, recorder) = Analytics.recorded(.quiet().onReport { reports.add($0) })
        let slow = PluginTests.Slow()
        analytics.add(plugin: slow)
        analytics.track(name: "held")
        analytics.purgeStorage()
        #expect(analytics.pendingEvents == 0)
        analytics.resumeEventProcessing(plugin: slow)
        #expect(recorder.events.isEmpty)
        try await reports.wait(for: 1)
        #expect(reports.all.map(\.count) == [1])
    }

    @Test func theDecisionOnConsentIsReadBackAlsoByTheNextStart() {
        let configuration = Configuration.quiet().storageMode(.diskAtURL(place()))
            .consent(ConsentConfiguration(model: .optIn, categories: ["ads", "stats"]))
        let first = Analytics(configuration: configuration)
        #expect(first.consent == nil)
        first.setConsent(["stats": true])
        #expect(first.consent == ["stats": true, "ads": false])
        first.shutdown(timeout: 0)
        #expect(Analytics(configuration: configuration).consent == ["stats": true, "ads": false])
    }

    @Test func anAnalyticsThatNobodyHoldsGoesAndItsEventsStay() throws {
        let configuration = Configuration.quiet().storageMode(.diskAtURL(place()))
        weak var gone: Analytics?
        do {
            let analytics = Analytics(configuration: configuration)
            analytics.setOnline(false)
            analytics.add(plugin: Recorder())
            analytics.add(plugin: PluginTests.Vendor("Vendor"))
            analytics.subscribeToUserInfo { _ in }
            analytics.track(name: "kept")
            analytics.flush()
            gone = analytics
        }
        #expect(gone == nil)
        #expect(Analytics(configuration: configuration).pendingEvents == 1)
    }
}
