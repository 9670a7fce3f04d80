import Foundation

/// A plugin that wants to know of opened addresses.
public protocol OpeningURLs: Plugin {
    /// The app was opened by this address.
    func openURL(_ url: URL, options: [String: JSON])
}

#if canImport(Darwin)
/// A plugin that wants to know of user activities, such as universal links.
public protocol UserActivities: Plugin {
    /// The app goes on with this activity.
    func continueUserActivity(_ activity: NSUserActivity)
}
#endif

/// A plugin that wants to know of push notifications.
public protocol RemoteNotifications: Plugin {
    /// The device has a token.
    func registeredForRemoteNotifications(deviceToken: Data)
    /// The device gets none.
    func failedToRegisterForRemoteNotification(error: (any Error)?)
    /// A notification came.
    func receivedRemoteNotification(userInfo: JSON)
    /// The user chose an action of a notification.
    func handleAction(identifier: String, userInfo: JSON)
}

extension RemoteNotifications {
    /// Nothing.
    public func registeredForRemoteNotifications(deviceToken: Data) {}
    /// Nothing.
    public func failedToRegisterForRemoteNotification(error: (any Error)?) {}
    /// Nothing.
    public func receivedRemoteNotification(userInfo: JSON) {}
    /// Nothing.
    public func handleAction(identifier: String, userInfo: JSON) {}
}

extension Analytics {
    /// The app was opened by an address: tracks "Deep Link Opened" with it, the options and its query's parameters, and puts
    /// it in the context as the referrer.
    public func openURL(_ url: URL, options: [String: JSON] = [:]) {
        users.setReferrer(url, self)
        updateContext(["referrer": ["url": .string(url.absoluteString)]])
        for case let plugin as any OpeningURLs in timeline.all { plugin.openURL(url, options: options) }
        var properties = options
        for item in URLComponents(url: url, resolvingAgainstBaseURL: false)?.queryItems ?? [] {
            properties[item.name] = item.value.map(JSON.string)
        }
        properties["url"] = .string(url.absoluteString)
        track(name: "Deep Link Opened", properties: properties)
    }

    /// As ``openURL(_:options:)``, with options of any plain or `Codable` values, such as UIKit's.
    @_disfavoredOverload
    public func openURL(_ url: URL, options: [String: Any]) {
        do {
            openURL(url, options: try JSON(dictionary: options, numbers: values.numbers).objectValue ?? [:])
        } catch {
            fail(error)
        }
    }

    /// As ``openURL(_:options:)``, with options of a type of yours.
    @_disfavoredOverload
    public func openURL(_ url: URL, options: some Encodable) {
        do {
            openURL(url, options: try JSON(options, numbers: values.numbers).objectValue ?? [:])
        } catch {
            fail(error)
        }
    }

    #if canImport(Darwin)
    /// The app goes on with an activity: a universal link (`NSUserActivityTypeBrowsingWeb`) counts as an opened address.
    public func continueUserActivity(_ activity: NSUserActivity) {
        for case let plugin as any UserActivities in timeline.all { plugin.continueUserActivity(activity) }
        guard activity.activityType == NSUserActivityTypeBrowsingWeb, let url = activity.webpageURL else { return }
        openURL(url, options: activity.referrerURL.map { ["referrer": .string($0.absoluteString)] } ?? [:])
    }
    #endif

    /// The device's push token, for `context.device.token`.
    public func setDeviceToken(_ token: String) {
        updateContext(["device": ["token": .string(token)]])
    }

    /// The system gave a push token: it goes into the context in hexadecimal, and plugins hear of it.
    public func registeredForRemoteNotifications(deviceToken: Data) {
        setDeviceToken(
            deviceToken.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined())
        notify { $0.registeredForRemoteNotifications(deviceToken: deviceToken) }
    }

    /// The system gave none: plugins hear of it.
    public func failedToRegisterForRemoteNotification(error: (any Error)?) {
        notify { $0.failedToRegisterForRemoteNotification(error: error) }
    }

    /// A push notification came: plugins hear of it.
    public func receivedRemoteNotification(userInfo: JSON) {
        notify { $0.receivedRemoteNotification(userInfo: userInfo) }
    }

    /// As UIKit hands it over.
    @_disfavoredOverload
    public func receivedRemoteNotification(userInfo: [AnyHashable: Any]) {
        plain(userInfo) { receivedRemoteNotification(userInfo: $0) }
    }

    /// The user chose an action of a notification: plugins hear of it.
    public func handleAction(identifier: String, userInfo: JSON) {
        notify { $0.handleAction(identifier: identifier, userInfo: userInfo) }
    }

    /// As UIKit hands it over.
    @_disfavoredOverload
    public func handleAction(identifier: String, userInfo: [AnyHashable: Any]) {
        plain(userInfo) { handleAction(identifier: identifier, userInfo: $0) }
    }

    private func plain(_ userInfo: [AnyHashable: Any], _ then: (JSON) -> Void) {
        let named = userInfo.compactMap { key, value in (key.base as? String).map { ($0, value) } }
        do {
            then(try JSON(dictionary: Dictionary(named, uniquingKeysWith: { $1 }), numbers: values.numbers))
        } catch {
            fail(error)
        }
    }

    private func notify(_ tell: (any RemoteNotifications) -> Void) {
        for case let plugin as any RemoteNotifications in timeline.all { tell(plugin) }
    }
}
