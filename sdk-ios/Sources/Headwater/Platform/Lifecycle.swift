import Foundation
internal import HeadwaterBinding

/// The app's own events, with the names and properties that analytics-swift gives them.
enum Lifecycle {
    /// The app as it is installed.
    struct App: Sendable {
        var version: String
        var build: String

        static var main: App {
            let info = Bundle.main.infoDictionary ?? [:]
            return App(
                version: info["CFBundleShortVersionString"] as? String ?? "",
                build: info["CFBundleVersion"] as? String ?? "")
        }

        var properties: JSON { ["version": .string(version), "build": .string(build)] }
    }

    /// The app was started: installed, updated, opened.
    static func launched(
        _ analytics: Analytics, app: App = .main, fromBackground: Bool = false, referringApplication: String? = nil,
        url: String? = nil
    ) {
        analytics.launchSeen.with { $0 = true }
        let known = analytics.memory["app"] ?? previous
        let now = app.properties
        if let known {
            if known != now {
                var properties = now
                properties["previous_version"] = known["version"]
                properties["previous_build"] = known["build"]
                track(.applicationUpdated, "Application Updated", properties, analytics)
            }
        } else {
            track(.applicationInstalled, "Application Installed", now, analytics)
        }
        analytics.memory["app"] = now
        opened(analytics, app, fromBackground: fromBackground, referringApplication, url)
    }

    /// The app is active, and was started before anybody listened.
    static func launchedBefore(_ analytics: Analytics, app: App = .main) {
        if !analytics.launchSeen.with({ $0 }) { launched(analytics, app: app) }
    }

    /// The app is about to be in front of the user again.
    static func foregrounded(_ analytics: Analytics, app: App = .main) {
        analytics.background.returned(analytics)
        analytics.launchSeen.with { $0 = true }
        analytics.lifecycle(.foreground)
        track(.applicationForegrounded, "Application Foregrounded", nil, analytics)
        opened(analytics, app, fromBackground: true, nil, nil)
    }

    /// The app went out of sight: what waits is sent, while the system lets it, and the folder is let go of.
    static func backgrounded(_ analytics: Analytics) {
        track(.applicationBackgrounded, "Application Backgrounded", nil, analytics)
        analytics.lifecycle(.background)
        analytics.background.left(analytics)
    }

    // MARK: The Mac's, where apps go on when they are out of sight

    static func activated(_ analytics: Analytics, app: App = .main) {
        analytics.lifecycle(.foreground)
        track(.applicationForegrounded, "Application Foregrounded", nil, analytics)
        launchedBefore(analytics, app: app)
    }

    static func deactivated(_ analytics: Analytics) {
        track(.applicationBackgrounded, "Application Backgrounded", nil, analytics)
        analytics.lifecycle(.background)
        analytics.startFlush(nil)
    }

    static func hidden(_ analytics: Analytics) { track(.applicationHidden, "Application Hidden", nil, analytics) }

    static func unhidden(_ analytics: Analytics, app: App = .main) {
        var properties = app.properties
        properties["from_background"] = true
        track(.applicationUnhidden, "Application Unhidden", properties, analytics)
    }

    static func terminated(_ analytics: Analytics) {
        track(.applicationTerminated, "Application Terminated", nil, analytics)
        analytics.lifecycle(.terminating)
    }

    private static func opened(
        _ analytics: Analytics, _ app: App, fromBackground: Bool, _ referringApplication: String?, _ url: String?
    ) {
        var properties = app.properties
        properties["from_background"] = .bool(fromBackground)
        properties["referring_application"] = referringApplication.map(JSON.string)
        properties["url"] = url.map(JSON.string)
        track(.applicationOpened, "Application Opened", properties, analytics)
    }

    private static func track(
        _ event: TrackedLifecycleEvent, _ name: String, _ properties: JSON?, _ analytics: Analytics
    ) {
        if analytics.values.lifecycle.contains(event) { analytics.track(name: name, properties: properties) }
    }

    /// What analytics-swift noted of the installed app.
    private static var previous: JSON? {
        #if canImport(Darwin)
        let defaults = UserDefaults.standard
        guard let build = defaults.string(forKey: "SEGBuildKeyV2") else { return nil }
        return ["version": .string(defaults.string(forKey: "SEGVersionKey") ?? ""), "build": .string(build)]
        #else
        return nil
        #endif
    }
}
