import Foundation
internal import HeadwaterBinding

/// Who the user is.
public struct UserInfo: Sendable, Hashable {
    /// The device's id.
    public let anonymousId: String
    /// The known user, after an identify.
    public let userId: String?
    /// What is known of the user.
    public let traits: JSON?
    /// The address that opened the app last.
    public let referrer: URL?
}

extension Analytics {
    /// The device's id.
    public var anonymousId: String { hub.client?.identity()?.anonymousId ?? "" }

    /// The known user, after an identify.
    public var userId: String? { hub.client?.identity()?.userId }

    /// What is known of the user.
    public func traits() -> JSON? {
        (hub.client?.identity()?.traits).flatMap { try? JSON(text: $0) }
    }

    /// What is known of the user, in Swift's own types.
    @_disfavoredOverload
    public func traits() -> [String: Any]? { (traits() as JSON?)?.dictionaryValue }

    /// What is known of the user, as a type of yours.
    public func traits<T: Decodable>(as type: T.Type = T.self) -> T? { try? (traits() as JSON?)?.decoded(as: type) }

    /// The user's account, after a group call.
    public var groupId: String? { hub.client?.identity()?.groupId }

    var userInfo: UserInfo {
        let identity = hub.client?.identity()
        return UserInfo(
            anonymousId: identity?.anonymousId ?? "", userId: identity?.userId,
            traits: (identity?.traits).flatMap { try? JSON(text: $0) }, referrer: users.referrer)
    }

    /// Forgets who the user is: a new anonymousId, no userId, traits or group. Events before it keep theirs.
    public func reset() {
        pipeline.alone {
            hub.client?.reset()
            generateAnonymousId()
        }
        for plugin in timeline.all where !(plugin is any DestinationPlugin) { (plugin as? any EventPlugin)?.reset() }
    }

    /// Another user than the current one is about to be named, and gets an anonymousId of its own: the generator makes it.
    func prepare(_ event: IdentifyEvent) {
        guard values.anonymousIdGenerator != nil, let next = event.userId, !next.isEmpty, let userId, userId != next
        else { return }
        generateAnonymousId(forgetting: true)
    }

    /// Where a generator was given: a new anonymousId, of the current user or of nobody yet.
    func generateAnonymousId(forgetting: Bool = false) {
        guard let generator = values.anonymousIdGenerator, let identity = hub.client?.identity() else { return }
        var changed = forgetting
            ? Identity(anonymousId: "", userId: nil, traits: "{}", groupId: nil, groupTraits: "{}") : identity
        changed.anonymousId = generator.newAnonymousId()
        do {
            try hub.client?.importIdentity(identity: changed)
            memory["anonymousIdGenerated"] = true
        } catch {
            fail(error)
        }
    }

    /// Hears who the user is, now and whenever that changes. Answers an id for ``unsubscribe(_:)``.
    @discardableResult
    public func subscribeToUserInfo(
        queue: DispatchQueue = .main, handler: @escaping @Sendable (UserInfo) -> Void
    ) -> Int {
        users.subscribe(queue, handler, self)
    }

    /// Ends what ``subscribeToUserInfo(queue:handler:)`` began.
    public func unsubscribe(_ id: Int) { users.unsubscribe(id) }
}

/// Who wants to know of the user.
final class Users: Sendable {
    private struct State {
        var next = 1
        var handlers: [Int: (DispatchQueue, @Sendable (UserInfo) -> Void)] = [:]
        var referrer: URL?
    }
    private let state = Guarded(State())

    var referrer: URL? { state.with { $0.referrer } }

    func setReferrer(_ url: URL?, _ analytics: Analytics) {
        state.with { $0.referrer = url }
        changed(analytics)
    }

    func subscribe(
        _ queue: DispatchQueue, _ handler: @escaping @Sendable (UserInfo) -> Void, _ analytics: Analytics
    ) -> Int {
        let id = state.with { state in
            defer { state.next += 1 }
            state.handlers[state.next] = (queue, handler)
            return state.next
        }
        let info = analytics.userInfo
        queue.async { handler(info) }
        return id
    }

    func unsubscribe(_ id: Int) { state.with { _ = $0.handlers.removeValue(forKey: id) } }

    func changed(_ analytics: Analytics) {
        let handlers = state.with { Array($0.handlers.values) }
        guard !handlers.isEmpty else { return }
        let info = analytics.userInfo
        for (queue, handler) in handlers { queue.async { handler(info) } }
    }
}
