import Foundation
internal import HeadwaterBinding

#if canImport(UIKit) && !os(watchOS)
import UIKit
#elseif canImport(AppKit) && !targetEnvironment(macCatalyst)
import AppKit
#endif

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
    }

    /// The app was started: installed, updated, opened.
    static func launched(
        _ analytics: Analytics, app: App = .main, fromBackground: Bool = false, referringApplication: String? = nil,
        url: String? = nil
    ) {
        let wanted = analytics.values.lifecycle
        let known = analytics.memory["app"] ?? previous
        let now: JSON = ["version": .string(app.version), "build": .string(app.build)]
        if known == nil {
            if wanted.contains(.applicationInstalled) { analytics.track(name: "Application Installed", properties: now) }
        } else if let known, known != now, wanted.contains(.applicationUpdated) {
            var properties = now
            properties["previous_version"] = known["version"]
            properties["previous_build"] = known["build"]
            analytics.track(name: "Application Updated", properties: properties)
        }
        analytics.memory["app"] = now
        opened(analytics, app, fromBackground: fromBackground, referringApplication, url)
    }

    private static func opened(
        _ analytics: Analytics, _ app: App, fromBackground: Bool, _ referringApplication: String?, _ url: String?
    ) {
        guard analytics.values.lifecycle.contains(.applicationOpened) else { return }
        var properties: JSON = [
            "from_background": .bool(fromBackground), "version": .string(app.version), "build": .string(app.build),
        ]
        properties["referring_application"] = referringApplication.map(JSON.string)
        properties["url"] = url.map(JSON.string)
        analytics.track(name: "Application Opened", properties: properties)
    }

    /// The app is about to be in front of the user again.
    static func foregrounded(_ analytics: Analytics, app: App = .main) {
        analytics.lifecycle(.foreground)
        if analytics.values.lifecycle.contains(.applicationForegrounded) {
            analytics.track(name: "Application Foregrounded")
        }
        opened(analytics, app, fromBackground: true, nil, nil)
    }

    /// The app went out of sight: what waits is sent, while the system lets it.
    static func backgrounded(_ analytics: Analytics) {
        if analytics.values.lifecycle.contains(.applicationBackgrounded) {
            analytics.track(name: "Application Backgrounded")
        }
        analytics.lifecycle(.background)
        analytics.flush(completion: nil)
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

    /// Listens to the app. Answers what must be kept while it should.
    static func watch(_ analytics: Analytics) -> [AnyObject & Sendable] {
        #if canImport(UIKit) && !os(watchOS)
        return [
            observe(UIApplication.didFinishLaunchingNotification, analytics) { launched($0) },
            observe(UIApplication.willEnterForegroundNotification, analytics) { foregrounded($0) },
            observe(UIApplication.didEnterBackgroundNotification, analytics) { backgrounded($0) },
            observe(UIApplication.willTerminateNotification, analytics) { $0.lifecycle(.terminating) },
        ]
        #elseif canImport(AppKit) && !targetEnvironment(macCatalyst)
        return [
            observe(NSApplication.didFinishLaunchingNotification, analytics) { launched($0) },
            observe(NSApplication.didResignActiveNotification, analytics) { backgrounded($0) },
            observe(NSApplication.didHideNotification, analytics) { mac($0, .applicationHidden, "Application Hidden") },
            observe(NSApplication.didUnhideNotification, analytics) {
                mac($0, .applicationUnhidden, "Application Unhidden")
            },
            observe(NSApplication.willTerminateNotification, analytics) {
                mac($0, .applicationTerminated, "Application Terminated")
                $0.lifecycle(.terminating)
            },
        ]
        #else
        return []
        #endif
    }

    #if canImport(AppKit) && !targetEnvironment(macCatalyst)
    private static func mac(_ analytics: Analytics, _ event: TrackedLifecycleEvent, _ name: String) {
        if analytics.values.lifecycle.contains(event) { analytics.track(name: name) }
    }
    #endif

    private static func observe(
        _ name: Notification.Name, _ analytics: Analytics, _ then: @escaping @Sendable (Analytics) -> Void
    ) -> AnyObject & Sendable {
        Observation(name) { [weak analytics] in
            if let analytics { then(analytics) }
        }
    }
}

/// Listens while it lives.
private final class Observation: @unchecked Sendable {
    private let token: any NSObjectProtocol

    init(_ name: Notification.Name, _ then: @escaping @Sendable () -> Void) {
        token = NotificationCenter.default.addObserver(forName: name, object: nil, queue: nil) { _ in then() }
    }

    deinit { NotificationCenter.default.removeObserver(token) }
}

/// Time that the system grants for a flush when the app goes out of sight. Only UIKit's apps need to ask.
final class BackgroundActivity: Sendable {
    /// Answers what to call when it is over.
    func begin() -> @Sendable () -> Void {
        #if os(iOS) || os(tvOS) || os(visionOS)
        // Not in extensions, which have no application to ask.
        guard !Bundle.main.bundlePath.hasSuffix(".appex") else { return {} }
        let task = Guarded<UIBackgroundTaskIdentifier>(.invalid)
        let end: @Sendable () -> Void = {
            DispatchQueue.main.async {
                MainActor.assumeIsolated {
                    let id = task.with { task in
                        defer { task = .invalid }
                        return task
                    }
                    if id != .invalid { UIApplication.shared.endBackgroundTask(id) }
                }
            }
        }
        DispatchQueue.main.async {
            MainActor.assumeIsolated {
                let id = UIApplication.shared.beginBackgroundTask(withName: "headwater.flush", expirationHandler: end)
                task.with { $0 = id }
            }
        }
        return end
        #else
        return {}
        #endif
    }
}
