/// One event on its way: what the call said, and in plugins also what was stamped (`messageId`, `timestamp`,
/// `anonymousId`, `userId`, `context`). What a caller sets before the call wins over what would be stamped.
public protocol RawEvent: Sendable {
    /// `track`, `identify`, `screen`, `page`, `group` or `alias`.
    var type: String? { get set }
    /// The device, where it is not the one at hand.
    var anonymousId: String? { get set }
    /// What tells the event from all others; over every retry the same.
    var messageId: String? { get set }
    /// The user, where it is not the one at hand.
    var userId: String? { get set }
    /// ISO 8601.
    var timestamp: String? { get set }
    /// Laid over the SDK's own context.
    var context: JSON? { get set }
    /// Which destinations may have it: `{"All": false, "Name": true}`.
    var integrations: JSON? { get set }

    /// The event in the spec's own shape.
    var json: JSON { get }
    /// `nil` when it is an event of another type.
    init?(json: JSON)
}

/// Changes one event, or drops it by answering `nil`. Runs after the enrichment plugins.
public typealias EnrichmentClosure = @Sendable (_ event: (any RawEvent)?) -> (any RawEvent)?

/// The six events of the spec: what they share lies in one place.
protocol StampedEvent: RawEvent {
    var stamp: Stamp { get set }
}

extension StampedEvent {
    public var type: String? {
        get { stamp.type }
        set { stamp.type = newValue }
    }
    public var anonymousId: String? {
        get { stamp.anonymousId }
        set { stamp.anonymousId = newValue }
    }
    public var messageId: String? {
        get { stamp.messageId }
        set { stamp.messageId = newValue }
    }
    public var userId: String? {
        get { stamp.userId }
        set { stamp.userId = newValue }
    }
    public var timestamp: String? {
        get { stamp.timestamp }
        set { stamp.timestamp = newValue }
    }
    public var context: JSON? {
        get { stamp.context }
        set { stamp.context = newValue }
    }
    public var integrations: JSON? {
        get { stamp.integrations }
        set { stamp.integrations = newValue }
    }
}

/// What all events share.
struct Stamp: Sendable {
    var type: String?
    var anonymousId: String?
    var messageId: String?
    var userId: String?
    var timestamp: String?
    var context: JSON?
    var integrations: JSON?

    init(type: String) { self.type = type }

    init?(json: JSON, type: String) {
        guard json["type"]?.stringValue == type else { return nil }
        self.type = type
        anonymousId = json["anonymousId"]?.stringValue
        messageId = json["messageId"]?.stringValue
        userId = json["userId"]?.stringValue
        timestamp = json["timestamp"]?.stringValue
        context = json["context"]
        integrations = json["integrations"]
    }

    func json(_ own: [String: JSON?]) -> JSON {
        var members = own.compactMapValues { $0 }
        members["type"] = type.map(JSON.string)
        if let anonymousId { members["anonymousId"] = .string(anonymousId) }
        if let messageId { members["messageId"] = .string(messageId) }
        if let userId { members["userId"] = .string(userId) }
        if let timestamp { members["timestamp"] = .string(timestamp) }
        if let context { members["context"] = context }
        if let integrations { members["integrations"] = integrations }
        return .object(members)
    }
}

/// Something happened.
public struct TrackEvent: StampedEvent {
    var stamp: Stamp
    /// What happened.
    public var event: String
    /// What belongs to it.
    public var properties: JSON?

    /// An event of this name.
    public init(event: String, properties: JSON? = nil) {
        stamp = Stamp(type: "track")
        self.event = event
        self.properties = properties
    }

    public init?(json: JSON) {
        guard let stamp = Stamp(json: json, type: "track") else { return nil }
        self.stamp = stamp
        event = json["event"]?.stringValue ?? ""
        properties = json["properties"]
    }

    public var json: JSON { stamp.json(["event": .string(event), "properties": properties]) }
}

/// Who the user is.
public struct IdentifyEvent: StampedEvent {
    var stamp: Stamp
    /// What is known of the user, or of the account.
    public var traits: JSON?

    /// Traits of this user, or of the current one.
    public init(userId: String? = nil, traits: JSON? = nil) {
        stamp = Stamp(type: "identify")
        stamp.userId = userId
        self.traits = traits
    }

    public init?(json: JSON) {
        guard let stamp = Stamp(json: json, type: "identify") else { return nil }
        self.stamp = stamp
        traits = json["traits"]
    }

    public var json: JSON { stamp.json(["traits": traits]) }
}

/// A screen was seen.
public struct ScreenEvent: StampedEvent {
    var stamp: Stamp
    /// What was seen.
    public var name: String?
    /// What kind of thing was seen.
    public var category: String?
    /// What belongs to it.
    public var properties: JSON?

    /// A screen of this title.
    public init(title: String?, category: String? = nil, properties: JSON? = nil) {
        stamp = Stamp(type: "screen")
        name = title
        self.category = category
        self.properties = properties
    }

    public init?(json: JSON) {
        guard let stamp = Stamp(json: json, type: "screen") else { return nil }
        self.stamp = stamp
        name = json["name"]?.stringValue
        category = json["category"]?.stringValue
        properties = json["properties"]
    }

    public var json: JSON {
        stamp.json(["name": name.map(JSON.string), "category": category.map(JSON.string), "properties": properties])
    }
}

/// A web page was seen: for replays and apps that show pages; apps of their own use screens.
public struct PageEvent: StampedEvent {
    var stamp: Stamp
    /// What was seen.
    public var name: String?
    /// What kind of thing was seen.
    public var category: String?
    /// What belongs to it.
    public var properties: JSON?

    /// A page of this name.
    public init(name: String?, category: String? = nil, properties: JSON? = nil) {
        stamp = Stamp(type: "page")
        self.name = name
        self.category = category
        self.properties = properties
    }

    public init?(json: JSON) {
        guard let stamp = Stamp(json: json, type: "page") else { return nil }
        self.stamp = stamp
        name = json["name"]?.stringValue
        category = json["category"]?.stringValue
        properties = json["properties"]
    }

    public var json: JSON {
        stamp.json(["name": name.map(JSON.string), "category": category.map(JSON.string), "properties": properties])
    }
}

/// The user belongs to an account.
public struct GroupEvent: StampedEvent {
    var stamp: Stamp
    /// The account.
    public var groupId: String?
    /// What is known of the user, or of the account.
    public var traits: JSON?

    /// The account of this id.
    public init(groupId: String?, traits: JSON? = nil) {
        stamp = Stamp(type: "group")
        self.groupId = groupId
        self.traits = traits
    }

    public init?(json: JSON) {
        guard let stamp = Stamp(json: json, type: "group") else { return nil }
        self.stamp = stamp
        groupId = json["groupId"]?.stringValue
        traits = json["traits"]
    }

    public var json: JSON { stamp.json(["groupId": groupId.map(JSON.string), "traits": traits]) }
}

/// `userId` continues `previousId`; the current user's id where that is not given.
public struct AliasEvent: StampedEvent {
    var stamp: Stamp
    /// The id that is continued.
    public var previousId: String?

    /// From `previousId` (else the current user) to `newId`.
    public init(newId: String?, previousId: String? = nil) {
        stamp = Stamp(type: "alias")
        stamp.userId = newId
        self.previousId = previousId
    }

    public init?(json: JSON) {
        guard let stamp = Stamp(json: json, type: "alias") else { return nil }
        self.stamp = stamp
        previousId = json["previousId"]?.stringValue
    }

    public var json: JSON { stamp.json(["previousId": previousId.map(JSON.string)]) }
}

/// The event in JSON, whichever it is.
func rawEvent(_ json: JSON) -> (any RawEvent)? {
    switch json["type"]?.stringValue {
    case "track": TrackEvent(json: json)
    case "identify": IdentifyEvent(json: json)
    case "screen": ScreenEvent(json: json)
    case "page": PageEvent(json: json)
    case "group": GroupEvent(json: json)
    case "alias": AliasEvent(json: json)
    default: nil
    }
}
