import Foundation

/// A plugin that wants to know of opened addresses.
public protocol OpeningURLs: Plugin {
    func openURL(_ url: URL, options: [String: JSON])
}

/// A plugin that wants to know of push notifications.
public protocol RemoteNotifications: Plugin {
    func registeredForRemoteNotifications(deviceToken: Data)
    func failedToRegisterForRemoteNotification(error: (any Error)?)
    func receivedRemoteNotification(userInfo: JSON)
    func handleAction(identifier: String, userInfo: JSON)
}

extension RemoteNotifications {
    public func registeredForRemoteNotifications(deviceToken: Data) {}
    public func failedToRegisterForRemoteNotification(error: (any Error)?) {}
    public func receivedRemoteNotification(userInfo: JSON) {}
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

    /// The device's push token, for `context.device.token`.
    public func setDeviceToken(_ token: String) {
        updateContext(["device": ["token": .string(token)]])
    }

    public func registeredForRemoteNotifications(deviceToken: Data) {
        setDeviceToken(
            deviceToken.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined())
        notify { $0.registeredForRemoteNotifications(deviceToken: deviceToken) }
    }

    public func failedToRegisterForRemoteNotification(error: (any Error)?) {
        notify { $0.failedToRegisterForRemoteNotification(error: error) }
    }

    public func receivedRemoteNotification(userInfo: JSON) {
        notify { $0.receivedRemoteNotification(userInfo: userInfo) }
    }

    public func handleAction(identifier: String, userInfo: JSON) {
        notify { $0.handleAction(identifier: identifier, userInfo: userInfo) }
    }

    private func notify(_ tell: (any RemoteNotifications) -> Void) {
        for case let plugin as any RemoteNotifications in timeline.all { tell(plugin) }
    }
}
