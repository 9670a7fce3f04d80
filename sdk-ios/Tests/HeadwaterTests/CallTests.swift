import Foundation
import Testing

@testable import Headwater

@Suite struct CallTests {
    struct Order: Codable { var total: Double; var id: String }

    @Test func theSixCallsCarryWhatTheyWereGiven() throws {
        let (analytics, recorder) = Analytics.recorded()
        analytics.track(name: "plain")
        analytics.track(name: "typed", properties: Order(total: 2.5, id: "o1"))
        analytics.track(name: "dictionary", properties: ["total": 3, "when": Date(timeIntervalSince1970: 0)] as [String: Any])
        analytics.identify(userId: "u1", traits: ["plan": "pro"])
        analytics.identify(traits: Order(total: 1, id: "t"))
        analytics.screen(title: "Cart", category: "shop", properties: ["n": 1])
        analytics.group(groupId: "g1", traits: ["seats": 5])
        analytics.alias(newId: "u2")
        let events = recorder.events
        #expect(events.map { $0["type"]?.stringValue } == [
            "track", "track", "track", "identify", "identify", "screen", "group", "alias",
        ])
        #expect(events[1]["properties"] == ["total": 2.5, "id": "o1"])
        #expect(events[2][keyPath: "properties.when"] == "1970-01-01T00:00:00.000Z")
        #expect(events[3]["traits"] == ["plan": "pro"])
        #expect(events[5]["name"] == "Cart")
        #expect(events[5]["category"] == "shop")
        #expect(events[6]["groupId"] == "g1")
        #expect(events[7]["userId"] == "u2")
        #expect(events[7]["previousId"] == "u1")
        for event in events {
            #expect(event["messageId"]?.stringValue?.isEmpty == false)
            #expect(event["timestamp"]?.stringValue?.hasSuffix("Z") == true)
            #expect(event["anonymousId"]?.stringValue == analytics.anonymousId)
            #expect(event[keyPath: "context.library.name"] == "headwater-swift")
        }
    }

    @Test func theUserIsTheOneOfTheCallAndResetForgets() {
        let (analytics, recorder) = Analytics.recorded()
        let first = analytics.anonymousId
        analytics.track(name: "before")
        analytics.identify(userId: "u1", traits: ["a": 1])
        analytics.identify(traits: ["b": 2])
        analytics.track(name: "after")
        #expect(analytics.userId == "u1")
        #expect(analytics.traits() == ["a": 1, "b": 2])
        struct Traits: Codable { var a: Int; var b: Int }
        let typed: Traits? = analytics.traits()
        #expect(typed?.b == 2)
        analytics.reset()
        analytics.track(name: "new")
        #expect(analytics.userId == nil)
        #expect(analytics.anonymousId != first)
        let tracks = recorder.events.filter { $0["type"] == "track" }
        #expect(tracks.map { $0["userId"]?.stringValue } == [nil, "u1", nil])
        #expect(tracks.map { $0["anonymousId"]?.stringValue } == [first, first, analytics.anonymousId])
    }

    @Test func whatCannotBeAnEventIsToldAndCostsNothing() {
        let errors = Heard<String>()
        let (analytics, recorder) = Analytics.recorded(
            .quiet().jsonNonConformingNumberStrategy(.throw).errorHandler { errors.add("\($0)") })
        analytics.track(name: "")
        analytics.track(name: "nan", properties: ["x": Double.nan])
        analytics.track(name: "large", properties: ["x": String(repeating: "x", count: 40_000)])
        final class Odd {}
        analytics.track(name: "odd", properties: ["x": Odd()] as [String: Any])
        #expect(errors.all.count == 4)
        #expect(errors.all[2].hasPrefix("tooLarge"))
        #expect(recorder.events.isEmpty)
        analytics.enabled = false
        analytics.track(name: "ignored")
        analytics.enabled = true
        analytics.track(name: "taken")
        #expect(recorder.names == ["taken"])
        #expect(analytics.pendingEvents == 1)
        #expect(analytics.hasUnsentEvents)
    }

    @Test func anEventMadeElsewhereKeepsWhatItSays() {
        let (analytics, recorder) = Analytics.recorded()
        var event = TrackEvent(event: "replayed", properties: ["a": 1])
        event.messageId = "m-1"
        event.timestamp = "2026-01-02T03:04:05.678Z"
        event.anonymousId = "a-1"
        event.userId = "u-1"
        event.context = ["ip": "1.2.3.4"]
        analytics.process(event: event)
        let kept = recorder.events[0]
        #expect(kept["messageId"] == "m-1")
        #expect(kept["timestamp"] == "2026-01-02T03:04:05.678Z")
        #expect(kept["anonymousId"] == "a-1")
        #expect(kept["userId"] == "u-1")
        #expect(kept[keyPath: "context.ip"] == "1.2.3.4")
        #expect(analytics.userId == nil)
    }

    @Test func aThousandTasksLoseNothingAndEachKeepsItsOrder() async {
        for plugins in [false, true] {
            let folder = place()
            let analytics = Analytics(configuration: .quiet().storageMode(.diskAtURL(folder)).flushAt(100_000))
            analytics.setOnline(false)
            let recorder = Recorder()
            if plugins { analytics.add(plugin: recorder) }
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<1_000 {
                    group.addTask {
                        for n in 0..<3 { analytics.track(name: "e", properties: ["task": task, "n": n]) }
                    }
                }
            }
            #expect(analytics.pendingEvents == 3_000)
            if plugins {
                var seen: [Int: Int] = [:]
                for event in recorder.events {
                    let task = event[keyPath: "properties.task"]?.intValue ?? -1
                    #expect(event[keyPath: "properties.n"]?.intValue == seen[task, default: 0])
                    seen[task, default: 0] += 1
                }
                #expect(seen.count == 1_000)
            }
            analytics.shutdown(timeout: 0)
        }
    }

    @Test func theUserIsToldToThoseWhoAsk() async throws {
        let (analytics, _) = Analytics.recorded()
        let heard = Heard<String>()
        let queue = DispatchQueue(label: "test")
        let id = analytics.subscribeToUserInfo(queue: queue) { heard.add($0.userId ?? "nobody") }
        try await heard.wait(for: 1)
        #expect(heard.all == ["nobody"])
        analytics.identify(userId: "u1")
        try await heard.wait(for: 2)
        #expect(heard.all.last == "u1")
        analytics.unsubscribe(id)
        analytics.identify(userId: "u2")
        analytics.subscribeToUserInfo(queue: queue) { heard.add("second \($0.userId ?? "")") }
        for _ in 0..<12_000 where !heard.all.contains("second u2") { try await Task.sleep(nanoseconds: 5_000_000) }
        #expect(heard.all.contains("second u2"))
        #expect(!heard.all.contains("u2"))
    }

    struct Fixed: AnonymousIdGenerator {
        func newAnonymousId() -> String { "id-" + UUID().uuidString.prefix(4) }
    }

    @Test func anIdGeneratorMakesTheDevicesIdOnce() {
        let folder = place()
        let configuration = Configuration.quiet().storageMode(.diskAtURL(folder)).anonymousIdGenerator(Fixed())
        let first = Analytics(configuration: configuration)
        let id = first.anonymousId
        #expect(id.hasPrefix("id-"))
        first.shutdown(timeout: 0)
        let second = Analytics(configuration: configuration)
        #expect(second.anonymousId == id)
        second.reset()
        #expect(second.anonymousId.hasPrefix("id-"))
        #expect(second.anonymousId != id)
    }

    struct Counting: AnonymousIdGenerator {
        let made = Heard<String>()
        func newAnonymousId() -> String {
            made.add("made-\(made.all.count + 1)")
            return made.all[made.all.count - 1]
        }
    }

    @Test(arguments: [false, true])
    func anotherUserGetsAnIdOfTheGenerator(plugins: Bool) {
        let analytics = Analytics(configuration: .quiet().anonymousIdGenerator(Counting()))
        analytics.setOnline(false)
        if plugins { analytics.add(plugin: Recorder()) }
        #expect(analytics.anonymousId == "made-1")
        analytics.identify(userId: "u1", traits: ["plan": "pro"])
        analytics.identify(userId: "u1", traits: ["seats": 2])
        #expect(analytics.anonymousId == "made-1")
        analytics.identify(userId: "u2", traits: ["plan": "free"])
        #expect(analytics.anonymousId == "made-2")
        #expect(analytics.userId == "u2")
        #expect(analytics.traits() == ["plan": "free"])
        analytics.reset()
        #expect(analytics.anonymousId == "made-3")
        #expect(analytics.userId == nil)
    }

    @Test func eachWriteKeyAndEachAppGroupHasAFolderOfItsOwn() throws {
        func folder(_ key: String, _ mode: StorageMode) -> String? {
            Folder.of(Configuration(writeKey: key).storageMode(mode).values)?.path
        }
        let disk = try #require(folder("a/b", .disk))
        #expect(disk.contains("/headwater/a_b-"))
        for other in ["a_b", "a.b", "A/b", "other"] { #expect(folder(other, .disk) != disk) }
        #expect(try #require(folder("other", .disk)).hasSuffix("/headwater/other"))
        let group = try #require(folder("a/b", .appGroup("group.shop")))
        #expect(group != disk)
        #expect(group.contains("/a_b-"))
        #expect(folder("a/b", .memory(10)) == nil)
    }

    @Test func twoOfOneWriteKeyShareAQueue() {
        let folder = place()
        let configuration = Configuration.quiet().storageMode(.diskAtURL(folder))
        let first = Analytics(configuration: configuration)
        let second = Analytics(configuration: configuration)
        first.setOnline(false)
        first.track(name: "a")
        second.track(name: "b")
        #expect(first.pendingEvents == 2)
        #expect(second.anonymousId == first.anonymousId)
    }

    @Test func aFolderThatCannotBeUsedIsToldAndEventsStayInMemory() {
        let errors = Heard<String>()
        let file = place()
        try? FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        _ = FileManager.default.createFile(atPath: file.path, contents: Data("x".utf8))
        let analytics = Analytics(
            configuration: .quiet().storageMode(.diskAtURL(file.appendingPathComponent("x"))).errorHandler {
                errors.add("\($0)")
            })
        analytics.setOnline(false)
        analytics.track(name: "kept")
        #expect(errors.all.count == 1)
        #expect(analytics.pendingEvents == 1)
    }

    @Test func aConfigurationThatCannotWorkIsToldAndNothingTraps() {
        let errors = Heard<String>()
        let analytics = Analytics(configuration: Configuration.quiet("").errorHandler { errors.add("\($0)") })
        analytics.track(name: "nowhere")
        analytics.flush(completion: nil)
        #expect(errors.all.first?.hasPrefix("configuration") == true)
        #expect(analytics.pendingEvents == 0)
    }
}
