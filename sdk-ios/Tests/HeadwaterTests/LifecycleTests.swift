import Foundation
import Testing

@testable import Headwater

@Suite struct LifecycleTests {
    @Test func installedUpdatedAndOpenedSayWhatAnalyticsSwiftSays() {
        let folder = place()
        let configuration = Configuration.quiet().storageMode(.diskAtURL(folder))
        func launch(_ version: String, _ build: String, _ configuration: Configuration) -> [JSON] {
            let (analytics, recorder) = Analytics.recorded(configuration)
            Lifecycle.launched(analytics, app: Lifecycle.App(version: version, build: build))
            defer { analytics.shutdown(timeout: 0) }
            return recorder.events
        }
        let first = launch("1.0", "1", configuration)
        #expect(first.map { $0["event"] } == ["Application Installed", "Application Opened"])
        #expect(first[0]["properties"] == ["version": "1.0", "build": "1"])
        #expect(first[1]["properties"] == ["from_background": false, "version": "1.0", "build": "1"])
        let second = launch("1.0", "1", configuration)
        #expect(second.map { $0["event"] } == ["Application Opened"])
        let third = launch("1.1", "2", configuration)
        #expect(third.map { $0["event"] } == ["Application Updated", "Application Opened"])
        #expect(third[0]["properties"] == [
            "version": "1.1", "build": "2", "previous_version": "1.0", "previous_build": "1",
        ])
        #expect(launch("1.2", "3", configuration.trackedApplicationLifecycleEvents(.none)).isEmpty)
    }

    @Test func comingAndGoingIsTracked() {
        let (analytics, recorder) = Analytics.recorded()
        Lifecycle.backgrounded(analytics)
        Lifecycle.foregrounded(analytics, app: Lifecycle.App(version: "1", build: "2"))
        #expect(recorder.names == ["Application Backgrounded", "Application Foregrounded", "Application Opened"])
        #expect(recorder.events[2]["properties"] == ["from_background": true, "version": "1", "build": "2"])
    }

    @Test func aLaunchThatNobodyHeardIsTrackedWhenTheAppIsActiveAndOnce() {
        let (analytics, recorder) = Analytics.recorded()
        Lifecycle.launchedBefore(analytics, app: Lifecycle.App(version: "1", build: "2"))
        Lifecycle.launchedBefore(analytics, app: Lifecycle.App(version: "1", build: "2"))
        #expect(recorder.names == ["Application Installed", "Application Opened"])
    }

    @Test func aMacAppIsForegroundedHiddenAndTerminated() {
        let (analytics, recorder) = Analytics.recorded()
        let app = Lifecycle.App(version: "1", build: "2")
        Lifecycle.launched(analytics, app: app)
        Lifecycle.activated(analytics, app: app)
        Lifecycle.deactivated(analytics)
        Lifecycle.hidden(analytics)
        Lifecycle.unhidden(analytics, app: app)
        Lifecycle.terminated(analytics)
        #expect(recorder.names == ["Installed", "Opened", "Foregrounded", "Backgrounded", "Hidden", "Unhidden", "Terminated"]
            .map { "Application " + $0 })
        #expect(recorder.events[5]["properties"] == ["from_background": true, "version": "1", "build": "2"])
        #expect(!analytics.background.isOut)
    }

    @Test func theContextSaysWhatTheMachineIs() {
        let (analytics, recorder) = Analytics.recorded(.quiet().userAgent("agent"))
        analytics.track(name: "e")
        let context = recorder.events[0]["context"]
        #expect(context?["library"]?["version"]?.stringValue == analytics.version())
        #expect(context?["userAgent"] == "agent")
        for path in ["instanceId", "locale", "timezone", "app.name", "device.model", "device.type", "os.name", "os.version"] {
            #expect(context?[keyPath: path]?.stringValue?.isEmpty == false, "\(path)")
        }
    }

    @Test func filesOfAnalyticsSwiftAreReadInTheirOrderAndTornLinesLeftOut() throws {
        let folder = place()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        func event(_ n: Int) -> String {
            #"{"type":"track","event":"e\#(n)","messageId":"m\#(n)","timestamp":"2026-01-01T00:00:00.000Z","anonymousId":"a","properties":{},"context":{},"integrations":{}}"#
        }
        let finished = "{ \"batch\": [\n\(event(1))\n,\(event(2))\n],\"sentAt\":\"2026-01-01T00:00:00.000Z\",\"writeKey\":\"k\"}"
        try finished.write(to: folder.appendingPathComponent("2-segment-events.temp"), atomically: true, encoding: .utf8)
        let torn = "{ \"batch\": [\n\(event(3))\n,{\"type\":\"track\",\"eve"
        try torn.write(to: folder.appendingPathComponent("10-segment-events"), atomically: true, encoding: .utf8)
        let files = Migration.files(in: folder)
        #expect(files.map(\.lastPathComponent) == ["2-segment-events.temp", "10-segment-events"])
        let ids = files.flatMap(Migration.events).map { try? JSON(text: $0)["messageId"]?.stringValue }
        #expect(ids == ["m1", "m2", "m3"])
    }

    @Test func theUserAndTheEventsOfAnalyticsSwiftAreTakenOverOnce() throws {
        let key = "migrated-\(UUID().uuidString)"
        let defaults = try #require(UserDefaults(suiteName: "com.segment.storage.\(key)"))
        defaults.set("old-anonymous", forKey: "segment.anonymousId")
        defaults.set("old-user", forKey: "segment.userId")
        defaults.set(try PropertyListEncoder().encode(["plan": "pro"]), forKey: "segment.traits")
        defer { defaults.removePersistentDomain(forName: "com.segment.storage.\(key)") }
        let support = try #require(FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask).first)
        let folder = support.appendingPathComponent("segment/\(key)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let event = #"{"type":"track","event":"old","messageId":"m-old","timestamp":"2026-01-01T00:00:00.000Z","anonymousId":"old-anonymous","context":{}}"#
        try "{ \"batch\": [\n\(event)\n".write(
            to: folder.appendingPathComponent("0-segment-events"), atomically: true, encoding: .utf8)
        let configuration = Configuration.quiet(key).storageMode(.diskAtURL(place())).migratesFromAnalyticsSwift(true)
        let analytics = Analytics(configuration: configuration)
        #expect(analytics.anonymousId == "old-anonymous")
        #expect(analytics.userId == "old-user")
        #expect(analytics.traits() == ["plan": "pro"])
        #expect(analytics.pendingEvents == 1)
        #expect(Migration.files(in: folder).isEmpty)
        analytics.reset()
        analytics.shutdown(timeout: 0)
        #expect(Analytics(configuration: configuration).anonymousId != "old-anonymous")
    }
}
