import Foundation
import Testing

@testable import Headwater

@Suite struct PluginTests {
    final class Step: EventPlugin, @unchecked Sendable {
        let type: PluginType
        let name: String
        weak var analytics: Analytics?
        init(_ type: PluginType, _ name: String) {
            self.type = type
            self.name = name
        }
        func track(event: TrackEvent) -> TrackEvent? {
            var event = event
            let steps = event.properties?["steps"]?.stringValue ?? ""
            event.properties = ["steps": .string(steps + name)]
            return event
        }
    }

    @Test func pluginsRunInTheOrderOfTheirTypes() {
        let (analytics, recorder) = Analytics.recorded()
        analytics.add(plugin: Step(.enrichment, "2"))
        analytics.add(plugin: Step(.before, "1"))
        analytics.add(plugin: Step(.utility, "never"))
        @Sendable func step(_ name: String) -> EnrichmentClosure {
            { event in
                guard var event = event as? TrackEvent else { return event }
                let steps = event.properties?["steps"]?.stringValue ?? ""
                event.properties = ["steps": .string(steps + name)]
                return event
            }
        }
        analytics.add(enrichment: step("3"))
        analytics.track(name: "e", enrichments: [step("4")])
        #expect(recorder.events[0][keyPath: "properties.steps"] == "1234")
        #expect(analytics.findAll(pluginType: Step.self).count == 3)
        #expect(analytics.find(pluginType: Recorder.self) === recorder)
        analytics.remove(plugin: recorder)
        analytics.track(name: "unseen")
        #expect(recorder.events.count == 1)
    }

    @Test func anEventThatAPluginDropsIsReported() async throws {
        let reports = Heard<DropReport>()
        let (analytics, recorder) = Analytics.recorded(.quiet().onReport { reports.add($0) })
        analytics.add { event in (event as? TrackEvent)?.event == "secret" ? nil : event }
        analytics.track(name: "secret")
        analytics.track(name: "open")
        #expect(recorder.names == ["open"])
        try await reports.wait(for: 1)
        #expect(reports.all[0].reason == "plugin")
        #expect(analytics.drops == ["plugin": 1])
    }

    final class Echo: EventPlugin, @unchecked Sendable {
        let type = PluginType.enrichment
        weak var analytics: Analytics?
        let always: Bool
        init(always: Bool) { self.always = always }
        func track(event: TrackEvent) -> TrackEvent? {
            if always || !event.event.hasPrefix("echo") { analytics?.track(name: "echo of \(event.event)") }
            return event
        }
    }

    @Test func aCallThatAPluginMakesComesRightAfterTheEventAtHand() {
        let (analytics, recorder) = Analytics.recorded()
        analytics.add(plugin: Echo(always: false))
        analytics.track(name: "a")
        analytics.track(name: "b")
        #expect(recorder.names == ["a", "echo of a", "b", "echo of b"])
    }

    @Test func aPluginThatAnswersEachEventWithAnotherIsStopped() {
        let errors = Heard<String>()
        let (analytics, recorder) = Analytics.recorded(.quiet().errorHandler { errors.add("\($0)") })
        analytics.add(plugin: Echo(always: true))
        analytics.track(name: "a")
        #expect(recorder.names.count == 8)
        #expect(errors.all == ["recursion"])
    }

    final class Slow: WaitingPlugin, @unchecked Sendable {
        let type = PluginType.enrichment
        weak var analytics: Analytics?
        let file = "waiting"
        func execute<T: RawEvent>(event: T?) -> T? {
            var event = event
            event?.context?["waited"] = true
            return event
        }
    }

    @Test func aWaitingPluginHoldsEventsBackWithTheirTimeAndUser() {
        let (analytics, recorder) = Analytics.recorded()
        let slow = Slow()
        analytics.add(plugin: slow)
        analytics.track(name: "a")
        analytics.identify(userId: "later")
        analytics.track(name: "b")
        #expect(recorder.events.isEmpty)
        #expect(analytics.pendingEvents == 3)
        analytics.resumeEventProcessing(plugin: slow)
        #expect(recorder.names == ["a", "b"])
        #expect(recorder.events[0]["userId"] == nil)
        #expect(recorder.events[2]["userId"] == "later")
        #expect(recorder.events[0][keyPath: "context.waited"] == true)
    }

    @Test func eventsThatWaitForAPluginSurviveTheProcess() {
        let folder = place()
        let configuration = Configuration.quiet().storageMode(.diskAtURL(folder))
        let first = Analytics(configuration: configuration)
        first.setOnline(false)
        first.add(plugin: Slow())
        first.track(name: "held")
        #expect(first.pendingEvents == 1)
        first.shutdown(timeout: 0)
        let second = Analytics(configuration: configuration)
        second.setOnline(false)
        #expect(second.pendingEvents == 1)
        second.shutdown(timeout: 0)
        let third = Analytics(configuration: configuration)
        third.setOnline(false)
        #expect(third.pendingEvents == 1)
    }

    final class Vendor: DestinationPlugin, @unchecked Sendable {
        let key: String
        let timeline = Timeline()
        let categories: [String]
        let needsSettings: Bool
        weak var analytics: Analytics?
        let heard = Heard<String>()
        init(_ key: String, categories: [String] = [], needsSettings: Bool = false) {
            self.key = key
            self.categories = categories
            self.needsSettings = needsSettings
        }
        func update(settings: Settings, type: UpdateType) {
            heard.add("settings \(settings.integrations?[key]?["apiKey"]?.stringValue ?? "")")
        }
        func track(event: TrackEvent) -> TrackEvent? {
            heard.add(event.event + (event.properties?["by"]?.stringValue ?? ""))
            return event
        }
        func reset() { heard.add("reset") }
    }

    @Test func aDestinationGetsWhatIntegrationsAllow() async throws {
        let (analytics, _) = Analytics.recorded()
        let vendor = Vendor("Vendor")
        analytics.add(plugin: vendor)
        vendor.add(plugin: Tag())
        var kept = TrackEvent(event: "kept")
        kept.integrations = ["All": false, "Vendor": true]
        var hidden = TrackEvent(event: "hidden")
        hidden.integrations = ["Vendor": false]
        analytics.process(event: hidden)
        analytics.process(event: kept)
        try await vendor.heard.wait(for: 1)
        #expect(vendor.heard.all == ["kept tagged"])
        analytics.reset()
        try await vendor.heard.wait(for: 2)
        #expect(vendor.heard.all.last == "reset")
        #expect(analytics.find(key: "Vendor") === vendor)
        analytics.remove(plugin: vendor)
    }

    final class Tag: EventPlugin, @unchecked Sendable {
        let type = PluginType.before
        weak var analytics: Analytics?
        func track(event: TrackEvent) -> TrackEvent? {
            var event = event
            event.properties = ["by": " tagged"]
            return event
        }
    }

    @Test func aDestinationThatNeedsSettingsGetsThemFirstAndOneWithoutAnEntryNothing() async throws {
        let settings = Settings(document: ["integrations": ["Vendor": ["apiKey": "k1"]]])
        let (analytics, _) = Analytics.recorded(.quiet().fetchSettings(true).defaultSettings(settings))
        let vendor = Vendor("Vendor", needsSettings: true)
        let other = Vendor("Other", needsSettings: true)
        analytics.add(plugin: vendor)
        analytics.add(plugin: other)
        analytics.track(name: "a")
        try await vendor.heard.wait(for: 2)
        #expect(vendor.heard.all == ["settings k1", "a"])
        #expect(other.heard.all.isEmpty)
        analytics.manuallyEnableDestination(plugin: other)
        analytics.track(name: "b")
        try await other.heard.wait(for: 1)
        #expect(other.heard.all == ["b"])
        #expect(analytics.settings()?.hasIntegrationSettings(key: "Vendor") == true)
    }

    final class Reader: Plugin, @unchecked Sendable {
        let type = PluginType.enrichment
        weak var analytics: Analytics?
        let heard = Heard<UpdateType>()
        func update(settings: Settings, type: UpdateType) { heard.add(type) }
    }

    @Test func theFirstSettingsThatAPluginSeesAreInitialToItAndLaterOnesARefresh() {
        let settings = Settings(document: ["integrations": ["A": ["k": 1]]])
        let (analytics, _) = Analytics.recorded(.quiet().fetchSettings(true).defaultSettings(settings))
        let early = Reader()
        analytics.add(plugin: early)
        #expect(early.heard.all == [.initial])
        analytics.settingsChanged()
        #expect(early.heard.all == [.initial, .refresh])
        let late = Reader()
        analytics.add(plugin: late)
        analytics.settingsChanged()
        #expect(late.heard.all == [.initial, .refresh])
    }

    @Test func consentKeepsEventsFromTheDestinationsThatItDoesNotCover() async throws {
        let (analytics, _) = Analytics.recorded(
            .quiet().consent(ConsentConfiguration(model: .optIn, categories: ["ads", "stats"])))
        let ads = Vendor("Ads", categories: ["ads"])
        let stats = Vendor("Stats", categories: ["stats"])
        analytics.add(plugin: ads)
        analytics.add(plugin: stats)
        analytics.track(name: "early")
        analytics.setConsent(["stats": true, "ads": false])
        analytics.track(name: "late")
        try await stats.heard.wait(for: 2)
        #expect(stats.heard.all.filter { $0 == "early" || $0 == "late" } == ["early", "late"])
        #expect(ads.heard.all.isEmpty)
    }

    @Test func theDestinationsOfTheExampleTakeEvents() {
        let settings = Settings(document: ["integrations": ["Webhook": ["url": "http://127.0.0.1:9/hook"]]])
        let webhook = WebhookDestination()
        webhook.update(settings: settings, type: .initial)
        #expect(webhook.categories == ["marketing"])
        #expect(webhook.track(event: TrackEvent(event: "e"))?.event == "e")
        #expect(LogDestination().screen(event: ScreenEvent(title: "Cart"))?.name == "Cart")
    }

    final class Every: FlushPolicy, @unchecked Sendable {
        var count = 0
        let flushes = Heard<Bool>()
        func updateState(event: any RawEvent) { count += 1 }
        func shouldFlush() -> Bool { count >= 3 }
        func reset() {
            count = 0
            flushes.add(true)
        }
    }

    @Test func aFlushPolicyOfTheAppsOwnDecides() {
        let policy = Every()
        let (analytics, _) = Analytics.recorded(.quiet().flushPolicies([policy]))
        for n in 0..<7 { analytics.track(name: "e\(n)") }
        #expect(policy.flushes.all.count == 2)
        #expect(analytics.flushPolicies.count == 1)
    }

    final class Listening: RemoteNotifications, OpeningURLs, @unchecked Sendable {
        let type = PluginType.utility
        weak var analytics: Analytics?
        let heard = Heard<JSON>()
        func openURL(_ url: URL, options: [String: JSON]) { heard.add(.object(options)) }
        func receivedRemoteNotification(userInfo: JSON) { heard.add(userInfo) }
    }

    @Test func whatUIKitHandsOverIsTakenAsItIs() {
        let (analytics, _) = Analytics.recorded()
        let plugin = Listening()
        analytics.add(plugin: plugin)
        let userInfo: [AnyHashable: Any] = ["aps": ["badge": 1], 7: "not a name"]
        analytics.receivedRemoteNotification(userInfo: userInfo)
        let options: [String: Any] = ["open_in_place": true]
        analytics.openURL(URL(string: "shop://a")!, options: options)
        struct Options: Codable { let source: String }
        analytics.openURL(URL(string: "shop://b")!, options: Options(source: "mail"))
        #expect(plugin.heard.all == [["aps": ["badge": 1]], ["open_in_place": true], ["source": "mail"]])
    }

    @Test func addressesTokensAndSessionsGoIntoTheContext() {
        let (analytics, recorder) = Analytics.recorded(.quiet().sessions(timeout: 1800))
        analytics.openURL(URL(string: "shop://cart?coupon=x")!, options: ["referring_application": "mail"])
        analytics.registeredForRemoteNotifications(deviceToken: Data([0x0A, 0xFF]))
        analytics.track(name: "e")
        #expect(recorder.names == ["Deep Link Opened", "e"])
        #expect(recorder.events[0]["properties"] == [
            "url": "shop://cart?coupon=x", "coupon": "x", "referring_application": "mail",
        ])
        #expect(recorder.events[1][keyPath: "context.referrer.url"] == "shop://cart?coupon=x")
        #expect(recorder.events[1][keyPath: "context.device.token"] == "0aff")
        #expect(recorder.events[0][keyPath: "context.sessionStart"] == true)
        #expect(recorder.events[1][keyPath: "context.sessionId"] == recorder.events[0][keyPath: "context.sessionId"])
    }
}
