/// The settings document of the source.
public struct Settings: Sendable, Hashable {
    /// The whole document.
    public let document: JSON

    public init(document: JSON) { self.document = document }

    public init(writeKey: String) { document = ["integrations": ["Segment.io": ["apiKey": .string(writeKey)]]] }

    public var integrations: JSON? { document["integrations"] }
    public var plan: JSON? { document["plan"] }
    public var edgeFunction: JSON? { document["edgeFunction"] }
    public var middlewareSettings: JSON? { document["middlewareSettings"] }
    public var metrics: JSON? { document["metrics"] }
    public var consentSettings: JSON? { document["consentSettings"] }

    /// A destination's entry as a type of yours.
    public func integrationSettings<T: Decodable>(forKey key: String) -> T? {
        try? integrations?[key]?.decoded(as: T.self)
    }

    public func integrationSettings(forKey key: String) -> [String: Any]? { integrations?[key]?.dictionaryValue }

    public func integrationSettings<T: Decodable>(forPlugin plugin: any DestinationPlugin) -> T? {
        integrationSettings(forKey: plugin.key)
    }

    public func hasIntegrationSettings(key: String) -> Bool { integrations?[key] != nil }

    public func hasIntegrationSettings(forPlugin plugin: any DestinationPlugin) -> Bool {
        hasIntegrationSettings(key: plugin.key)
    }
}
