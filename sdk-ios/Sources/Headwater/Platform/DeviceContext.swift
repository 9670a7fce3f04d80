import Foundation
internal import HeadwaterBinding

#if canImport(UIKit) && !os(watchOS)
import UIKit
#elseif os(watchOS)
import WatchKit
#endif
#if canImport(Network)
import Network
#endif

/// What the device says of itself in each event's `context`.
enum DeviceContext {
    static let version = "0.1.0"

    /// What is known on any thread at once.
    static func initial(_ values: Configuration.Values) -> JSON {
        var context: JSON = [
            "library": ["name": "headwater-swift", "version": .string(version)]
        ]
        if let userAgent = values.userAgent { context["userAgent"] = .string(userAgent) }
        guard values.automaticContext else { return context }
        context["instanceId"] = .string(instanceId)
        context["app"] = app
        context["device"] = device
        context["os"] = ["name": .string(osName), "version": .string(osVersion)]
        return context
    }

    /// What the user can change while the app lives: asked again whenever it comes to the front.
    static var changing: JSON {
        [
            "locale": .string((Locale.preferredLanguages.first ?? Locale.current.identifier)
                .replacingOccurrences(of: "_", with: "-")),
            "timezone": .string(TimeZone.current.identifier),
        ]
    }

    /// Once a process.
    private static let instanceId = UUID().uuidString.lowercased()

    private static var app: JSON {
        let info = Bundle.main.infoDictionary ?? [:]
        func text(_ key: String) -> JSON? { (info[key] as? String).map(JSON.string) }
        var app: JSON = .object([:])
        app["name"] = text("CFBundleDisplayName") ?? text("CFBundleName") ?? .string(ProcessInfo.processInfo.processName)
        app["version"] = text("CFBundleShortVersionString")
        app["build"] = text("CFBundleVersion")
        app["namespace"] = Bundle.main.bundleIdentifier.map(JSON.string)
        return app
    }

    private static var device: JSON {
        var device: JSON = .object([:])
        #if canImport(Darwin)
        device["manufacturer"] = "Apple"
        #endif
        device["model"] = .string(model)
        device["type"] = .string(type)
        return device
    }

    private static var type: String {
        #if os(iOS)
        "ios"
        #elseif os(tvOS)
        "tvos"
        #elseif os(watchOS)
        "watchos"
        #elseif os(visionOS)
        "visionos"
        #elseif os(macOS)
        "macos"
        #else
        "linux"
        #endif
    }

    private static var osName: String {
        #if os(iOS)
        "iOS"
        #elseif os(tvOS)
        "tvOS"
        #elseif os(watchOS)
        "watchOS"
        #elseif os(visionOS)
        "visionOS"
        #elseif os(macOS)
        "macOS"
        #else
        "Linux"
        #endif
    }

    private static var osVersion: String {
        let version = ProcessInfo.processInfo.operatingSystemVersion
        return "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)"
    }

    private static var model: String {
        var name = utsname()
        guard uname(&name) == 0 else { return "unknown" }
        return withUnsafeBytes(of: &name.machine) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// What only the main thread knows, and what changes. Answers what must be kept while it is wanted.
    static func watch(_ analytics: Analytics) -> [AnyObject & Sendable] {
        guard analytics.values.automaticContext else { return [] }
        var watchers: [AnyObject & Sendable] = []
        #if canImport(UIKit) || os(watchOS)
        DispatchQueue.main.async { [weak analytics] in
            MainActor.assumeIsolated { analytics?.updateContext(onMain) }
        }
        #endif
        #if canImport(Network)
        watchers.append(NetworkWatcher(analytics))
        #endif
        return watchers
    }

    #if canImport(UIKit) && !os(watchOS)
    @MainActor private static var onMain: JSON {
        var context: JSON = .object([:])
        context["device"] = ["name": .string(UIDevice.current.name)]
        if let id = UIDevice.current.identifierForVendor { context[keyPath: "device.id"] = .string(id.uuidString) }
        #if !os(visionOS)
        let size = UIScreen.main.bounds.size
        context["screen"] = ["width": .int(Int64(size.width)), "height": .int(Int64(size.height))]
        #endif
        return context
    }
    #elseif os(watchOS)
    @MainActor private static var onMain: JSON {
        let device = WKInterfaceDevice.current()
        let size = device.screenBounds.size
        return [
            "device": ["name": .string(device.name)],
            "screen": ["width": .int(Int64(size.width)), "height": .int(Int64(size.height))],
        ]
    }
    #endif
}

/// What the native client asks of the device. Whether there is a network is told to it instead, when that changes.
final class DevicePlatform: HeadwaterBinding.Platform {
    func context() throws -> String { DeviceContext.changing.text }

    func online() throws -> Bool? { nil }
}

#if canImport(Network)
/// The network, as it comes and goes. Unchecked: whether `NWPathMonitor` is `Sendable` depends on the SDK's version.
private final class NetworkWatcher: @unchecked Sendable {
    private let monitor = NWPathMonitor()

    init(_ analytics: Analytics) {
        monitor.pathUpdateHandler = { [weak analytics] path in
            guard let analytics else { return }
            analytics.setOnline(path.status != .unsatisfied)
            analytics.updateContext([
                "network": [
                    "wifi": .bool(path.usesInterfaceType(.wifi)),
                    "cellular": .bool(path.usesInterfaceType(.cellular)),
                    "bluetooth": false,
                ]
            ])
        }
        monitor.start(queue: DispatchQueue(label: "headwater.network", qos: .utility))
    }

    deinit { monitor.cancel() }
}
#endif
