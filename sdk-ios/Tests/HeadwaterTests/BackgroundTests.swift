import Foundation
import HeadwaterBinding
import Testing

@testable import Headwater

/// The app out of sight. The system's part, which grants the time, is played by the test.
@Suite struct BackgroundTests {
    final class Granted: Sendable {
        private let state = Guarded<(begun: Int, ended: Int, expire: (@Sendable () -> Void)?)>((0, 0, nil))

        var time: BackgroundTime {
            BackgroundTime { [self] expired in
                state.with { ($0.begun, $0.expire) = ($0.begun + 1, expired) }
                return { self.state.with { $0.ended += 1 } }
            }
        }
        var begun: Int { state.with { $0.begun } }
        var ended: Int { state.with { $0.ended } }
        func expire() { state.with { $0.expire }?() }

        func wait(ended count: Int) async throws {
            for _ in 0..<12_000 where ended < count { try await Task.sleep(nanoseconds: 5_000_000) }
            try #require(ended >= count)
        }
    }

    final class NoNetwork: HeadwaterBinding.Transport {
        func send(request: Request, reply: Reply) throws { reply.noAnswer() }
        func cancel(id: UInt64) throws {}
    }

    /// Another process on the folder; throws while it is held.
    func other(_ folder: URL) throws -> Client {
        var configuration = HeadwaterBinding.Configuration(writeKey: "key", endpoint: "http://127.0.0.1:9")
        configuration.directory = folder.appendingPathComponent("queue").path
        return try Client(configuration: configuration, transport: NoNetwork(), platform: nil, listener: nil)
    }

    func app(
        _ hub: AnsweringHub, _ folder: URL, _ granted: Granted, _ heard: Heard<String> = Heard()
    ) -> Analytics {
        var configuration = hub.configuration.storageMode(.diskAtURL(folder)).errorHandler { heard.add("\($0)") }
        configuration.values.backgroundTime = granted.time
        return Analytics(configuration: configuration)
    }

    @Test func outOfSightTheFolderIsLetGoOfOnceWhatWaitedWasSent() async throws {
        let (hub, folder, granted) = (AnsweringHub(status: 200), place(), Granted())
        let analytics = app(hub, folder, granted)
        analytics.track(name: "a")
        #expect(throws: HeadwaterError.self) { try other(folder) }
        Lifecycle.backgrounded(analytics)
        try await granted.wait(ended: 1)
        #expect(analytics.pendingEvents == 0)
        #expect(granted.begun == 1)
        let free = try other(folder)
        _ = free.shutdown(timeoutMs: 0)
    }

    @Test func aCallOutOfSightHoldsTheFolderOnlyWhileTimeWasGranted() async throws {
        let (hub, folder, granted) = (AnsweringHub(status: 200), place(), Granted())
        let analytics = app(hub, folder, granted)
        Lifecycle.backgrounded(analytics)
        try await granted.wait(ended: 1)
        for n in 0..<10 { analytics.track(name: "silent push \(n)") }
        for _ in 0..<12_000 where analytics.pendingEvents > 0 || granted.begun > granted.ended {
            try await Task.sleep(nanoseconds: 5_000_000)
        }
        #expect(granted.begun >= 2)
        #expect(granted.ended == granted.begun)
        _ = try other(folder).shutdown(timeoutMs: 0)
    }

    final class Chatty: EventPlugin, @unchecked Sendable {
        let type = PluginType.utility
        weak var analytics: Analytics?
        func flush() { analytics?.track(name: "flushed") }
    }

    @Test func aPluginThatAnswersAFlushWithAnEventLetsTheAppRest() async throws {
        let (hub, folder, granted) = (AnsweringHub(status: 200), place(), Granted())
        let analytics = app(hub, folder, granted)
        analytics.add(plugin: Chatty())
        Lifecycle.backgrounded(analytics)
        for _ in 0..<12_000 where analytics.pendingEvents > 0 || granted.ended == 0 || granted.begun > granted.ended {
            try await Task.sleep(nanoseconds: 5_000_000)
        }
        #expect(analytics.pendingEvents == 0)
        #expect((1...2).contains(granted.begun))
        _ = try other(folder).shutdown(timeoutMs: 0)
    }

    @Test func whenTheTimeRunsOutTheFolderIsLetGoOfThoughTheHubNeverAnswered() async throws {
        let (hub, folder, granted) = (AnsweringHub(status: nil), place(), Granted())
        let analytics = app(hub, folder, granted)
        analytics.track(name: "kept")
        Lifecycle.backgrounded(analytics)
        #expect(granted.ended == 0)
        granted.expire()
        try await granted.wait(ended: 1)
        let next = try other(folder)
        #expect(next.queue().events == 2)
        _ = next.shutdown(timeoutMs: 0)
    }

    @Test func outOfSightNothingIsTriedUntilTheAppIsBackOrMakesACall() async throws {
        let (hub, folder, granted) = (AnsweringHub(status: 503), place(), Granted())
        let analytics = app(hub, folder, granted)
        Lifecycle.backgrounded(analytics)
        try await granted.wait(ended: 1)
        // The network monitor goes on telling.
        analytics.setOnline(true)
        analytics.hub.client?.flush(callback: nil)
        hub.answers(200)
        let before = hub.requests.count
        #expect(analytics.pendingEvents == 1)
        let report = await analytics.flush()
        #expect(report.pending == 1)
        #expect(hub.requests.count == before)
        _ = try other(folder).shutdown(timeoutMs: 0)
        Lifecycle.foregrounded(analytics)
        for _ in 0..<12_000 where analytics.pendingEvents > 0 {
            await analytics.flush()
            try await Task.sleep(nanoseconds: 5_000_000)
        }
        #expect(analytics.pendingEvents == 0)
    }

    @Test(arguments: [false, true])
    func anAppWhoseFolderAnotherProcessHadMeanwhileGoesOnWithIt(plugins: Bool) async throws {
        let (hub, folder, granted, errors) = (AnsweringHub(status: 200), place(), Granted(), Heard<String>())
        let analytics = app(hub, folder, granted, errors)
        if plugins { analytics.add(plugin: Recorder()) }
        analytics.updateContext(["device": ["token": "t"]])
        Lifecycle.backgrounded(analytics)
        try await granted.wait(ended: 1)
        hub.answers(503)
        let between = try other(folder)
        _ = try between.call(event: #"{"type":"track","event":"by the extension"}"#)
        _ = between.shutdown(timeoutMs: 0)
        // The first of these finds out.
        analytics.identify(userId: "u1")
        analytics.track(name: "after")
        #expect(errors.all == [])
        #expect(analytics.pendingEvents == 3)
        #expect(analytics.userId == "u1")
        Lifecycle.foregrounded(analytics)
        #expect(analytics.pendingEvents == 5)
        analytics.shutdown(timeout: 0)
        let restarted = app(hub, folder, granted, errors)
        #expect(restarted.pendingEvents == 5)
        #expect(restarted.userId == "u1")
    }

    @Test func whileAnotherProcessHasTheFolderEventsStayInMemoryAndItIsTold() async throws {
        let (hub, folder, granted, errors) = (AnsweringHub(status: 200), place(), Granted(), Heard<String>())
        let analytics = app(hub, folder, granted, errors)
        Lifecycle.backgrounded(analytics)
        try await granted.wait(ended: 1)
        hub.answers(503)
        let holder = try other(folder)
        analytics.track(name: "kept in memory")
        #expect(errors.all.count == 1)
        #expect(errors.all.first?.hasPrefix("directoryInUse") == true)
        #expect(analytics.pendingEvents == 1)
        _ = holder.shutdown(timeoutMs: 0)
    }
}
